"""What an operator does with dead mail: it goes out once more, or never; and it is written down."""

from datetime import timedelta

import pytest

from function_app.deliver import deliver
from function_app.outcome import Deferred, Rejected
from handoff.audit import noted
from handoff.dead_letters import DeadLetter, DeadLetters
from handoff.delivery import State
from handoff.redrive import Done, Operator
from handoff.storage import Storage
from handoff.ticket import Ticket
from tests.builders import MAIL
from tests.function_app.desk import Desk, ScriptedProvider, wait_for_message

GONE = Rejected("ErrorInvalidUser", "No such mailbox.")


@pytest.fixture
def desk(storage: Storage) -> Desk:
    return Desk(storage)


@pytest.fixture
def operator(storage: Storage) -> Operator:
    return Operator(storage, "eve@desk")


def died(desk: Desk, provider: ScriptedProvider) -> Ticket:
    """A mail with a blob, after `provider` refused it."""
    ticket = desk.a_ticket_with_blob()
    message = desk.queued(ticket)
    deliver(message, desk.means(provider))
    assert desk.is_let_go(message)
    return ticket


def names(desk: Desk) -> list[str]:
    return list(desk.storage.dead_letters.list_blob_names())


def test_a_redriven_mail_is_sent_octet_for_octet_under_its_old_id(
    desk: Desk, operator: Operator
) -> None:
    provider = ScriptedProvider([GONE])
    ticket = died(desk, provider)
    done = operator.redrive((ticket.id,), desk.now)

    assert done == {ticket.id: Done.DONE}
    assert desk.row(ticket).state is State.DEFERRED
    assert names(desk) == []

    deliver(wait_for_message(desk), desk.means(provider))
    row = desk.row(ticket)

    assert (row.state, row.generation, row.attempts) == (State.SENT, 1, 2)
    assert [attempt.code for attempt in row.history] == ["ErrorInvalidUser", "redriven", ""]
    assert provider.letters[-1].mime().endswith(MAIL.partition(b"\r\n\r\n")[2])
    assert not desk.has_content(ticket)


def test_a_redrive_that_is_repeated_after_a_crash_sends_no_second_copy(
    desk: Desk, operator: Operator
) -> None:
    provider = ScriptedProvider([GONE])
    ticket = died(desk, provider)
    letter = DeadLetters(desk.storage.dead_letters).find(ticket.id)
    assert letter is not None
    operator.redrive((ticket.id,), desk.now)
    DeadLetters(desk.storage.dead_letters).keep(letter, [MAIL])
    operator.redrive((ticket.id,), desk.now)
    for _ in range(2):
        deliver(wait_for_message(desk), desk.means(provider))

    assert desk.row(ticket).state is State.SENT
    assert len(provider.letters) == 2


def test_a_mail_that_dies_again_is_kept_again(desk: Desk, operator: Operator) -> None:
    provider = ScriptedProvider([GONE, GONE, GONE])
    ticket = died(desk, provider)
    for generation in (1, 2):
        operator.redrive((ticket.id,), desk.now)
        message = wait_for_message(desk)
        deliver(message, desk.means(provider))

        assert desk.is_let_go(message)
        assert (desk.row(ticket).state, desk.row(ticket).generation) == (State.DEAD, generation)
        assert len(names(desk)) == 2


def test_an_old_mail_that_is_redriven_gets_all_its_time_again(
    desk: Desk, operator: Operator
) -> None:
    provider = ScriptedProvider([GONE, Deferred("http-503", "Busy.")])
    ticket = died(desk, provider)
    desk.now += timedelta(days=30)
    operator.redrive((ticket.id,), desk.now)
    deliver(wait_for_message(desk), desk.means(provider))

    assert desk.row(ticket).state is State.DEFERRED


def test_a_discarded_mail_keeps_its_row_alone(desk: Desk, operator: Operator) -> None:
    ticket = died(desk, ScriptedProvider([GONE]))
    done = operator.discard((ticket.id, "01JD3V6Q8K5T0C9E8XW2M7B4FA"), desk.now)

    assert list(done.values()) == [Done.DONE, Done.NO_SUCH_LETTER]
    assert desk.row(ticket).state is State.DISCARDED
    assert desk.row(ticket).reason == "eve@desk let the mail go."
    assert names(desk) == []
    assert desk.taken() is None


def test_a_mail_whose_octets_are_lost_cannot_be_redriven(desk: Desk, operator: Operator) -> None:
    ticket = died(desk, ScriptedProvider([GONE]))
    desk.storage.dead_letters.delete_blob(f"{ticket.id}.eml")
    done = operator.redrive((ticket.id,), desk.now)

    assert done == {ticket.id: Done.CONTENT_LOST}
    assert names(desk) == [f"{ticket.id}.json"]
    assert desk.taken() is None


def test_what_is_no_ticket_goes_back_as_it_came(desk: Desk, operator: Operator) -> None:
    letter = DeadLetter("message-1", "bad-ticket", "No ticket.", desk.now, '{"v": 2}')
    DeadLetters(desk.storage.dead_letters).keep(letter, None)
    operator.redrive(("message-1",), desk.now)
    message = desk.taken()

    assert message is not None
    assert message.text == '{"v": 2}'


def test_who_did_what_is_written_down(desk: Desk, operator: Operator) -> None:
    ticket = died(desk, ScriptedProvider([GONE]))
    operator.redrive((ticket.id,), desk.now)
    operator.discard((ticket.id,), desk.now + timedelta(seconds=1))
    discarded, redriven = noted(desk.storage.status)

    assert (redriven.who, redriven.action, redriven.mails) == ("eve@desk", "redrive", (ticket.id,))
    assert discarded.action == "discard"


def test_a_list_knows_code_and_device_without_opening_the_letters(desk: Desk) -> None:
    ticket = died(desk, ScriptedProvider([GONE]))
    (label,) = DeadLetters(desk.storage.dead_letters).labels()

    assert (label.id, label.code) == (ticket.id, "ErrorInvalidUser")
    assert (label.site, label.device, label.mailbox) == (
        "plant-2",
        "scanner-2f",
        "scan@contoso.com",
    )
