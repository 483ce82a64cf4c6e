"""A mail whose mailbox is not free goes back into the queue, before anything is done with it."""

from datetime import timedelta

import pytest

from function_app.compose import Letter
from function_app.deliver import deliver
from function_app.outcome import Deferred
from function_app.pacing.limits import Limits
from function_app.pacing.turns import Pacing
from function_app.providers.graph.verdicts import classify
from handoff.ledger import State
from tests.function_app.desk import Desk, ScriptedProvider, events, wait_for_message

SECOND = timedelta(seconds=1)


def test_a_mail_that_waits_is_not_claimed(desk: Desk) -> None:
    ticket, provider = desk.a_ticket(), ScriptedProvider()
    means = desk.means(provider, pacing=Pacing(Limits(most_in_flight=4, interval=2, burst=1)))
    deliver(desk.queued(desk.a_ticket()), means)
    message = desk.queued(ticket)

    deliver(message, means)

    assert desk.ledger.find(ticket.id) is None
    assert not desk.is_let_go(message)
    again = wait_for_message(desk)
    assert (message.text, 2) == (again.text, again.dequeue_count)
    deliver(again, means)
    assert (State.SENT, 1) == (desk.row(ticket).state, desk.row(ticket).attempts)


def test_at_most_so_many_mails_of_a_mailbox_are_under_way(desk: Desk) -> None:
    means = desk.means(ScriptedProvider(), pacing=Pacing(Limits(most_in_flight=1, interval=0)))
    second, other = desk.a_ticket(), desk.a_ticket(mailbox="other@contoso.com")

    def meanwhile(letter: Letter) -> None:
        if letter.mailbox == "scan@contoso.com":
            deliver(desk.queued(second), means)
            deliver(desk.queued(other), means)

    means = desk.means(ScriptedProvider(during=meanwhile), pacing=means.pacing)
    deliver(desk.queued(desk.a_ticket()), means)

    assert desk.ledger.find(second.id) is None
    assert State.SENT is desk.row(other).state


def test_one_throttled_mail_keeps_the_others_of_its_mailbox_back(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    throttled = classify(429, "ApplicationThrottled", "", 20 * SECOND)
    first, second, other = desk.a_ticket(), desk.a_ticket(), desk.a_ticket(mailbox="o@contoso.com")
    provider = ScriptedProvider([throttled])
    means = desk.means(provider)
    for ticket in (first, second, other):
        deliver(desk.queued(ticket), means)

    assert State.DEFERRED is desk.row(first).state
    assert desk.ledger.find(second.id) is None
    assert State.SENT is desk.row(other).state
    assert 2 == len(provider.letters)
    assert ["mailbox-throttled"] == [
        event["event"] for event in events(caplog) if event["event"].startswith("mailbox")
    ]


ANSWERS = [
    (429, "", None, True),
    (429, "UnknownError", SECOND, True),
    (503, "", SECOND, True),
    (503, "ErrorServerBusy", None, True),
    (503, "", None, False),
    (500, "ErrorSubmissionQuotaExceeded", SECOND, False),
    (504, "", SECOND, False),
    (403, "ErrorAccessDenied", None, False),
]


@pytest.mark.parametrize(("status", "code", "after", "is_throttled"), ANSWERS)
def test_an_answer_says_whether_the_mailbox_is_throttled(
    status: int, code: str, after: timedelta | None, is_throttled: bool
) -> None:
    found = classify(status, code, "", after)

    assert isinstance(found, Deferred)
    assert is_throttled == found.is_throttled


def test_a_fault_of_the_storage_account_gives_the_turn_back(desk: Desk) -> None:
    pacing = Pacing(Limits(most_in_flight=1, interval=0))
    means = desk.means(ScriptedProvider(), pacing=pacing)
    desk.storage.deliveries.delete_table()

    deliver(desk.queued(desk.a_ticket()), means)  # it cannot even be claimed

    desk.storage.provision()
    ticket = desk.a_ticket()
    deliver(desk.queued(ticket), means)
    assert State.SENT is desk.row(ticket).state
