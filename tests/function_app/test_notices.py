"""Rounds of the timer over dead mails: who gets what, how often, on a real storage account."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes

import pytest

from function_app.deliver import deliver
from function_app.means import Means
from function_app.notices import board
from function_app.notices.board import Notice
from function_app.notices.settings import Endpoint, NoticeSettings
from function_app.notices.tell import tell
from function_app.sweep import bury_poison
from handoff.ledger import Claimed, State
from handoff.ticket import encode
from local.graph_simulator.client import SimulatorClient
from tests.builders import MAIL
from tests.function_app.bounces import failed_recipients
from tests.function_app.deaths import (
    MAILBOX,
    OPERATOR,
    SENDER,
    SETTINGS,
    addressees,
    dies,
    octets_of,
    round_,
    rows,
)
from tests.function_app.desk import Desk, ScriptedProvider, events
from tests.function_app.hook import Hook


def test_a_dead_mail_is_told_to_its_sender_and_to_the_operator(desk: Desk) -> None:
    dead = dies(desk)

    report, mail = round_(desk)

    assert [SENDER, OPERATOR] == addressees([report, mail])
    assert [("ann@contoso.com", "5.1.3")] == failed_recipients(octets_of(desk, report))
    text = str(message_from_bytes(octets_of(desk, mail)).get_payload())
    assert all(word in text for word in (dead.id, "scanner-2f", "ErrorInvalidRecipients", "5.1.3"))
    assert "Hello" not in text


def test_a_notice_is_a_mail_of_the_relay_itself(desk: Desk) -> None:
    dies(desk)

    for ticket in round_(desk):
        assert ("relay", "", "") == (ticket.device, ticket.site, ticket.envelope.reverse_path)
        assert (MAILBOX, "rewrite") == (ticket.send_as.mailbox, ticket.send_as.from_policy)


def test_a_notice_never_expires_in_the_queue(desk: Desk) -> None:
    dies(desk)

    tell(desk.storage, SETTINGS, desk.now)

    assert {9999} == {
        message.expires_on.year
        for message in desk.storage.outbound.peek_messages(max_messages=5)
        if message.expires_on
    }


def test_what_was_told_is_told_no_more(desk: Desk) -> None:
    dies(desk)
    round_(desk)

    assert 0 == rows(desk)
    assert [] == round_(desk)


def test_the_mails_come_to_those_who_are_meant(
    desk: Desk, graph: SimulatorClient, means_of: Callable[..., Means]
) -> None:
    dies(desk)
    tell(desk.storage, SETTINGS, desk.now)
    means = means_of()

    while (message := desk.taken()) is not None:
        deliver(message, means)

    found = {mail.recipients: mail for mail in graph.mails()}
    assert {(SENDER,), (OPERATOR,)} == set(found)
    assert {MAILBOX} == {mail.mailbox for mail in found.values()}
    assert "Not sent: Scan" == found[(SENDER,)].subject
    assert [("ann@contoso.com", "5.1.3")] == failed_recipients(found[(SENDER,)].delivered)


def test_poison_is_told(desk: Desk) -> None:
    desk.storage.poison.send_message(encode(desk.a_ticket()))

    bury_poison(desk.storage, desk.now)

    assert [SENDER, OPERATOR] == addressees(round_(desk))


def test_what_is_no_ticket_is_told_to_the_operator(desk: Desk) -> None:
    message = desk.storage.poison.send_message("no ticket")

    bury_poison(desk.storage, desk.now)

    (mail,) = round_(desk)
    assert [OPERATOR] == addressees([mail])
    assert message.id in octets_of(desk, mail).decode()


def test_what_is_no_ticket_at_great_length_is_told(desk: Desk, hook: Hook) -> None:
    unknown = "x" * 50_000
    text = encode(desk.a_ticket()).replace('{"v":1', f'{{"{unknown}":1,"v":1')
    desk.storage.poison.send_message(text)
    bury_poison(desk.storage, desk.now)

    assert 1 == len(round_(desk, replace(SETTINGS, webhook=Endpoint(hook.url))))
    assert ["dead"] == [kind for kind, _ in hook.events]


def test_a_sender_elsewhere_is_not_told(desk: Desk) -> None:
    settings = replace(SETTINGS, domains=frozenset({"fabrikam.com"}))
    dies(desk)

    assert [OPERATOR] == addressees(round_(desk, settings))


def test_a_sender_of_automatic_mail_is_not_told(desk: Desk) -> None:
    dies(desk, desk.a_ticket(b"Auto-Submitted: auto-generated\r\n" + MAIL))

    assert [OPERATOR] == addressees(round_(desk))


def test_a_header_beyond_all_measure_tells_the_sender_nothing(desk: Desk) -> None:
    dies(desk, desk.a_ticket_with_blob(b"X-Long: " + b"x" * 300_000 + b"\r\n" + MAIL))

    assert [OPERATOR] == addressees(round_(desk))


def test_an_empty_mail_is_told(desk: Desk) -> None:
    dies(desk, desk.a_ticket(b""))

    assert [SENDER, OPERATOR] == addressees(round_(desk))


def test_a_lost_mail_is_told(desk: Desk) -> None:
    ticket = desk.a_ticket_with_blob()
    desk.storage.mail.delete_blob(str(ticket.content.blob))
    dies(desk, ticket)

    report, _ = round_(desk)

    assert "Please send it again." in octets_of(desk, report).decode()


def test_a_mail_that_is_not_dead_after_all_is_not_told(desk: Desk) -> None:
    # A crash came between the notice and the ledger's row, and the next run sent the mail.
    ticket = desk.a_ticket()
    board.post(Notice(ticket.id), desk.storage, desk.now)
    deliver(desk.queued(ticket), desk.means(ScriptedProvider()))

    assert State.SENT is desk.row(ticket).state
    assert [] == round_(desk)
    assert 0 == rows(desk)


def test_a_mail_that_is_not_yet_dead_waits(desk: Desk) -> None:
    ticket = desk.a_ticket()
    claim = desk.ledger.claim(ticket, "another", desk.now, timedelta(minutes=6))
    board.post(Notice(ticket.id), desk.storage, desk.now)

    assert isinstance(claim, Claimed)
    assert [] == round_(desk)
    (row,) = desk.storage.status.query_entities("PartitionKey eq 'notice'")
    assert row["due_at"] > desk.now
    desk.now += timedelta(minutes=20)
    dies(desk, ticket)
    assert [SENDER, OPERATOR] == addressees(round_(desk))
    assert 0 == rows(desk)


def test_a_mail_that_was_put_back_and_died_again_is_told_again(desk: Desk) -> None:
    dead = dies(desk)
    first = round_(desk)
    dies(desk, dead.model_copy(update={"generation": 1}))

    second = round_(desk)

    assert addressees(first) == addressees(second)
    assert 4 == len({ticket.id for ticket in first + second})


def test_a_dead_letter_that_somebody_took_away_is_not_told(desk: Desk) -> None:
    dead = dies(desk)
    desk.storage.dead_letters.delete_blob(f"{dead.id}.json")

    assert [] == round_(desk)
    assert 0 == rows(desk)


def test_a_dead_letter_that_nobody_can_read_is_in_nobodys_way(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    broken = dies(desk)
    desk.storage.dead_letters.upload_blob(f"{broken.id}.json", b"{", overwrite=True)
    dies(desk)

    assert [SENDER, OPERATOR] == addressees(round_(desk))
    assert ("notice-unread", broken.id) in [(e["event"], e.get("id")) for e in events(caplog)]
    assert 1 == rows(desk)


def test_a_notice_that_dies_is_kept_and_told_to_nobody_by_mail(desk: Desk, hook: Hook) -> None:
    settings = replace(SETTINGS, webhook=Endpoint(hook.url))
    dies(desk)
    notices = round_(desk, settings)

    for notice in notices:
        dies(desk, notice)

    assert [] == round_(desk, settings)
    assert 0 == rows(desk)
    assert all(desk.dead_letters.find(notice.id) for notice in notices)
    assert {("dead", notice.id) for notice in notices} == set(hook.events[1:])


def test_a_repeated_telling_sends_nothing_twice(desk: Desk) -> None:
    dead, provider = dies(desk), ScriptedProvider()
    for _ in range(3):
        board.post(Notice(dead.id), desk.storage, desk.now)
        tell(desk.storage, SETTINGS, desk.now)
        desk.now += timedelta(minutes=5)

    while (message := desk.taken()) is not None:
        deliver(message, desk.means(provider))
        desk.is_let_go(message)

    assert [(SENDER,), (OPERATOR,)] == [letter.forward_paths for letter in provider.letters]


def test_a_report_on_a_thousand_recipients_fits(desk: Desk) -> None:
    paths = tuple(f"a{number}@fabrikam.com" for number in range(1_000))
    dies(desk, desk.a_ticket(to=paths))

    report, mail = round_(desk)

    assert report.content.blob is not None
    assert list(paths) == [path for path, _ in failed_recipients(octets_of(desk, report))]
    assert mail.content.mime is not None


def test_nobody_to_tell_leaves_nothing_behind(desk: Desk) -> None:
    dies(desk)

    assert [] == round_(desk, NoticeSettings())
    assert 0 == rows(desk)
    assert 0 == rows(desk, "notice-event")


def test_wrong_settings_lose_no_notice(desk: Desk) -> None:
    dies(desk)

    assert [] == round_(desk, replace(SETTINGS, operators=(), is_right=False))
    assert [SENDER, OPERATOR] == addressees(round_(desk))


def test_without_a_mailbox_of_its_own_a_notice_comes_from_that_of_the_mail(desk: Desk) -> None:
    dies(desk, desk.a_ticket(mailbox="scans@contoso.com"))

    found = round_(desk, replace(SETTINGS, mailbox=""))

    assert {"scans@contoso.com"} == {ticket.send_as.mailbox for ticket in found}
