"""Which mails are dead, and that nothing of them is lost."""

from dataclasses import replace
from datetime import timedelta

import pytest

from function_app.deliver import deliver
from function_app.outcome import Deferred, Outcome, Rejected
from handoff.ledger import State
from tests.builders import MAIL
from tests.function_app.desk import Desk, ScriptedProvider, wait_for_message

BUSY = Deferred("ErrorServerBusy", "It is busy.")


def test_a_rejected_mail_becomes_a_dead_letter(desk: Desk) -> None:
    ticket = desk.a_ticket_with_blob()
    message = desk.queued(ticket)
    outcomes: list[Outcome] = [BUSY, Rejected("ErrorInvalidUser", "There is no such mailbox.")]
    means = desk.means(ScriptedProvider(outcomes))
    deliver(message, means)
    again = wait_for_message(desk)

    deliver(again, means)

    letter = desk.dead_letters.find(ticket.id)
    assert letter is not None
    assert ("ErrorInvalidUser", "There is no such mailbox.") == (letter.code, letter.reason)
    assert (message.text, desk.now) == (letter.ticket, letter.kept_at)
    assert [State.DEFERRED, State.DEAD] == [attempt.state for attempt in letter.history]
    assert MAIL == desk.dead_letters.octets_of(ticket.id)
    assert (State.DEAD, "ErrorInvalidUser") == (desk.row(ticket).state, desk.row(ticket).code)
    assert not desk.has_content(ticket)
    assert desk.is_let_go(again)


def test_a_dead_letter_is_kept_before_the_row_says_dead(desk: Desk) -> None:
    ticket = desk.a_ticket_with_blob()
    message = desk.queued(ticket)
    rejected = Rejected("ErrorInvalidUser", "There is no such mailbox.")
    desk.storage.dead_letters.delete_container()

    deliver(message, desk.means(ScriptedProvider([rejected])))

    assert State.SENDING is desk.row(ticket).state
    assert desk.has_content(ticket)
    assert not desk.is_let_go(message)


NO_TICKETS = ["", "hello", "[]", "{}", '{"v":2,"kind":"mail"}', "[" * 30_000, "\ufffe{'v':1}"]


@pytest.mark.parametrize("text", NO_TICKETS, ids=range(len(NO_TICKETS)))
def test_what_is_no_ticket_is_kept_under_the_message_id(desk: Desk, text: str) -> None:
    message = replace(desk.queued("no ticket"), text=text)

    deliver(message, desk.means(ScriptedProvider()))

    letter = desk.dead_letters.find(message.id)
    assert letter is not None
    assert ("bad-ticket", text) == (letter.code, letter.ticket)
    assert desk.is_let_go(message)


def test_a_ticket_of_the_future_keeps_its_mail(desk: Desk) -> None:
    ticket = desk.a_ticket_with_blob()
    message = desk.queued(ticket.model_dump_json().replace('"v":1', '"v":2'))

    deliver(message, desk.means(ScriptedProvider()))

    assert MAIL == desk.dead_letters.octets_of(message.id)


def test_a_mail_whose_content_is_gone_is_dead(desk: Desk) -> None:
    ticket, provider = desk.a_ticket_with_blob(), ScriptedProvider()
    desk.storage.mail.delete_blob(str(ticket.content.blob))
    message = desk.queued(ticket)

    deliver(message, desk.means(provider))

    assert (State.DEAD, "content-lost") == (desk.row(ticket).state, desk.row(ticket).code)
    assert desk.dead_letters.find(ticket.id) is not None
    assert [] == provider.letters
    assert desk.is_let_go(message)


def test_a_mail_that_cannot_be_composed_is_dead(desk: Desk) -> None:
    ticket = desk.a_ticket(b"Received: from x\r\n" * 60 + MAIL)

    deliver(desk.queued(ticket), desk.means(ScriptedProvider()))

    assert (State.DEAD, "loop") == (desk.row(ticket).state, desk.row(ticket).code)


def test_an_unknown_identity_is_a_dead_letter_with_its_mail(desk: Desk) -> None:
    ticket = desk.a_ticket(identity="plant-7")

    deliver(desk.queued(ticket), desk.means(ScriptedProvider()))

    assert "unknown-identity" == desk.row(ticket).code
    assert "IDENTITY__PLANT-7__" in desk.row(ticket).reason
    assert MAIL == desk.dead_letters.octets_of(ticket.id)


def test_what_was_deferred_for_two_days_is_given_up(desk: Desk) -> None:
    ticket = desk.a_ticket()
    desk.now += timedelta(hours=48)
    message = desk.queued(ticket)

    deliver(message, desk.means(ScriptedProvider([BUSY])))

    row = desk.row(ticket)
    assert (State.DEAD, "gave-up") == (row.state, row.code)
    assert "Not sent within 48 hours. The last fault was ErrorServerBusy: It is busy." == row.reason
    assert MAIL == desk.dead_letters.octets_of(ticket.id)
    assert desk.is_let_go(message)
