"""One step of a mail: what is sent, kept and let go of, on a real storage account."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier

import pytest
from azure.core.exceptions import HttpResponseError

from function_app.compose import Letter
from function_app.deliver import deliver
from function_app.means import LEASE, Message
from function_app.outcome import Deferred, Outcome, Rejected
from handoff.ledger import Claimed, State
from tests.builders import MAIL
from tests.function_app.desk import Desk, ScriptedProvider, events, wait_for_message

BUSY = Deferred("ErrorServerBusy", "It is busy.")


def test_a_sent_mail_is_recorded_and_let_go(desk: Desk) -> None:
    ticket, provider = desk.a_ticket_with_blob(), ScriptedProvider()
    message = desk.queued(ticket)

    deliver(message, desk.means(provider))

    row = desk.row(ticket)
    assert (State.SENT, "scripted", "request-1") == (row.state, row.provider, row.request_id)
    assert ("<one@contoso.com>", desk.now, 1) == (row.message_id, row.ended_at, row.attempts)
    assert ["ann@contoso.com"] == [*provider.letters[0].forward_paths]
    assert not desk.has_content(ticket)
    assert desk.is_let_go(message)


def test_the_claim_is_written_before_the_mail_goes_out(desk: Desk) -> None:
    ticket, found = desk.a_ticket(), []

    def look(letter: Letter) -> None:
        found.append(desk.row(ticket))

    deliver(desk.queued(ticket), desk.means(ScriptedProvider(during=look)))

    assert [(State.SENDING, desk.now + LEASE)] == [(row.state, row.lease_until) for row in found]


def test_a_deferred_mail_comes_back_unchanged(desk: Desk) -> None:
    ticket = desk.a_ticket(device="scänner \U0001f5a8 & <x>")
    message = desk.queued(ticket)

    deliver(message, desk.means(ScriptedProvider([BUSY])))

    row = desk.row(ticket)
    assert (State.DEFERRED, "ErrorServerBusy") == (row.state, row.code)
    assert desk.now + timedelta(seconds=4) == row.next_attempt_at
    assert not desk.is_let_go(message)
    assert [] == desk.storage.outbound.peek_messages()
    again = wait_for_message(desk)
    assert (message.text, 2) == (again.text, again.dequeue_count)


def test_pauses_grow_with_the_attempts(desk: Desk) -> None:
    ticket = desk.a_ticket()
    means = desk.means(ScriptedProvider([BUSY] * 5), jitter=lambda: 0.5)
    pauses = []
    for _ in range(5):
        deliver(desk.queued(ticket), means)
        row = desk.row(ticket)
        assert row.next_attempt_at is not None
        pauses.append((row.next_attempt_at - desk.now).total_seconds())

    assert [5, 10, 20, 40, 80] == pauses
    assert [State.DEFERRED] * 5 == [attempt.state for attempt in desk.row(ticket).history]


def test_retry_after_is_obeyed(desk: Desk) -> None:
    ticket = desk.a_ticket()
    throttled = replace(BUSY, after=timedelta(minutes=10))

    deliver(desk.queued(ticket), desk.means(ScriptedProvider([throttled])))

    assert desk.now + timedelta(minutes=10) == desk.row(ticket).next_attempt_at


def test_a_second_ticket_of_a_sent_mail_sends_nothing(desk: Desk) -> None:
    ticket, provider = desk.a_ticket_with_blob(), ScriptedProvider()
    deliver(desk.queued(ticket), desk.means(provider))
    desk.storage.mail.upload_blob(str(ticket.content.blob), MAIL)
    second = desk.queued(ticket)

    deliver(second, desk.means(provider))

    assert 1 == len(provider.letters)
    assert not desk.has_content(ticket)
    assert desk.is_let_go(second)


def test_a_mail_that_another_worker_has_waits_for_its_lease(desk: Desk) -> None:
    ticket, provider = desk.a_ticket(), ScriptedProvider()
    desk.ledger.claim(ticket, "another", desk.now, timedelta(seconds=2))
    message = desk.queued(ticket)
    began = time.monotonic()

    deliver(message, desk.means(provider))

    assert [] == provider.letters
    assert not desk.is_let_go(message)
    assert 2 == wait_for_message(desk).dequeue_count
    assert time.monotonic() - began > 2


def test_a_mail_whose_worker_died_is_sent_by_the_next(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    ticket = desk.a_ticket()
    desk.ledger.claim(ticket, "another", desk.now, LEASE)
    desk.now += LEASE + timedelta(seconds=1)

    deliver(desk.queued(ticket), desk.means(ScriptedProvider()))

    assert (State.SENT, 2) == (desk.row(ticket).state, desk.row(ticket).attempts)
    assert events(caplog)[0]["unsure"]


def test_of_two_workers_with_one_mail_one_sends(desk: Desk) -> None:
    ticket, provider = desk.a_ticket(), ScriptedProvider()
    messages = [desk.queued(ticket) for _ in range(4)]
    start = Barrier(4)

    def work(message: Message) -> None:
        start.wait()
        deliver(message, desk.means(provider))

    with ThreadPoolExecutor(4) as workers:
        list(workers.map(work, messages))

    assert 1 == len(provider.letters)
    assert State.SENT is desk.row(ticket).state


def test_a_mail_that_waited_longer_is_tried_all_the_same(desk: Desk) -> None:
    ticket = desk.a_ticket()
    desk.now += timedelta(days=30)

    deliver(desk.queued(ticket), desk.means(ScriptedProvider()))

    assert State.SENT is desk.row(ticket).state


def test_a_sent_mail_is_sent_whoever_took_its_row_meanwhile(desk: Desk) -> None:
    ticket = desk.a_ticket()

    def overtake(letter: Letter) -> None:
        later = desk.now + LEASE + timedelta(seconds=1)
        assert isinstance(desk.ledger.claim(ticket, "another", later, LEASE), Claimed)

    deliver(desk.queued(ticket), desk.means(ScriptedProvider(during=overtake)))

    assert (State.SENT, 2) == (desk.row(ticket).state, desk.row(ticket).attempts)


def test_a_verdict_on_a_lost_claim_does_not_count(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    ticket = desk.a_ticket()
    rejected = Rejected("ErrorInvalidUser", "There is no such mailbox.")

    def overtake(letter: Letter) -> None:
        later = desk.now + LEASE + timedelta(seconds=1)
        desk.ledger.claim(ticket, "another", later, LEASE)

    message = desk.queued(ticket)
    deliver(message, desk.means(ScriptedProvider([rejected], during=overtake)))

    assert State.SENDING is desk.row(ticket).state
    assert not desk.is_let_go(message)
    assert {"event": "claim-lost", "id": ticket.id} == events(caplog)[-1]


def test_a_ledger_out_of_order_lets_nobody_send(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    provider, message = ScriptedProvider(), desk.queued(desk.a_ticket())
    desk.storage.deliveries.delete_table()

    deliver(message, desk.means(provider))

    assert [] == provider.letters
    assert not desk.is_let_go(message)
    assert ["storage-ResourceNotFoundError"] == [event["code"] for event in events(caplog)]


def test_a_message_that_cannot_be_put_back_is_left_to_the_host(desk: Desk) -> None:
    stale = desk.queued(desk.a_ticket())
    desk.storage.outbound.update_message(stale.id, stale.pop_receipt, visibility_timeout=600)

    with pytest.raises(HttpResponseError):
        deliver(stale, desk.means(ScriptedProvider([BUSY])))


def test_a_fault_of_our_own_is_left_to_the_host(desk: Desk) -> None:
    ticket = desk.a_ticket()
    message = desk.queued(ticket)

    def fail(letter: Letter) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        deliver(message, desk.means(ScriptedProvider(during=fail)))

    assert State.SENDING is desk.row(ticket).state


def test_a_redriven_mail_is_sent_again(desk: Desk) -> None:
    ticket = desk.a_ticket()
    rejected = Rejected("ErrorInvalidUser", "There is no such mailbox.")
    deliver(desk.queued(ticket), desk.means(ScriptedProvider([rejected])))

    deliver(
        desk.queued(ticket.model_copy(update={"generation": 1})), desk.means(ScriptedProvider())
    )

    assert (State.SENT, "") == (desk.row(ticket).state, desk.row(ticket).code)


def test_each_hand_over_is_one_event_without_addresses(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    rejected = Rejected("ErrorInvalidUser", "There is no mailbox scan@contoso.com.")
    outcomes: list[Outcome] = [BUSY, rejected]
    first, second = desk.a_ticket(), desk.a_ticket()
    means = desk.means(ScriptedProvider(outcomes))
    for ticket in (first, first, second):
        deliver(desk.queued(ticket), means)

    seen = [(event["event"], event["id"], event["attempt"]) for event in events(caplog)]
    assert [
        ("sending", first.id, 1),
        ("deferred", first.id, 1),
        ("sending", first.id, 2),
        ("dead", first.id, 2),
        ("sending", second.id, 1),
        ("sent", second.id, 1),
    ] == seen
    assert "contoso.com" not in caplog.text
