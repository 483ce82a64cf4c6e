"""Writing down what became of a mail, on a table service that has its moments."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta

import pytest

from function_app.conclude import given_up
from function_app.deliver import deliver
from function_app.outcome import Deferred, Rejected
from handoff.account import Account
from handoff.ledger import State
from handoff.storage import Storage
from tests.function_app.desk import SENT, Desk, ScriptedProvider, events
from tests.function_app.faulty_storage import Fault, faulty_storage

TWO_DAYS = timedelta(hours=48)
BUSY = Deferred("ErrorServerBusy", "It is busy.")


@pytest.fixture
def desk_with(mail_account: str) -> Iterator[Callable[[Fault], Desk]]:
    with ExitStack() as stack:

        def open_desk(fault: Fault) -> Desk:
            way = stack.enter_context(faulty_storage(mail_account, fault))
            return Desk(stack.enter_context(Storage(Account(connection_string=way))))

        yield open_desk


def test_a_row_that_cannot_be_written_at_once_is_written_later(
    desk_with: Callable[[Fault], Desk],
) -> None:
    # The storage client itself tries three times.
    fault = Fault("refuse", "Table", "PUT", times=4)
    desk = desk_with(fault)
    ticket, provider = desk.a_ticket(), ScriptedProvider()
    message = desk.queued(ticket)

    deliver(message, desk.means(provider))

    assert State.SENT is desk.row(ticket).state
    assert 5 == fault.calls
    assert 1 == len(provider.letters)
    assert desk.is_let_go(message)


def test_a_row_whose_answer_was_lost_is_written(desk_with: Callable[[Fault], Desk]) -> None:
    desk = desk_with(Fault("lose answer", "Table", "PUT"))
    ticket, provider = desk.a_ticket(), ScriptedProvider()
    message = desk.queued(ticket)

    deliver(message, desk.means(provider))

    assert State.SENT is desk.row(ticket).state
    assert desk.is_let_go(message)


def test_a_mail_whose_row_cannot_be_written_keeps_its_message(
    desk_with: Callable[[Fault], Desk], caplog: pytest.LogCaptureFixture
) -> None:
    desk = desk_with(Fault("refuse", "Table", "PUT", times=1000))
    ticket = desk.a_ticket()
    message = desk.queued(ticket)

    deliver(message, desk.means(ScriptedProvider()))

    assert State.SENDING is desk.row(ticket).state
    assert not desk.is_let_go(message)
    assert "postponed" == events(caplog)[-1]["event"]


GIVEN_UP = [
    (SENT, timedelta(days=30), False),
    (Rejected("x", "y"), timedelta(days=30), False),
    (BUSY, TWO_DAYS - timedelta(seconds=1), False),
    (BUSY, TWO_DAYS, True),
    (Deferred("x", "y", unsure=True), TWO_DAYS, True),
]


@pytest.mark.parametrize(("outcome", "age", "is_given_up"), GIVEN_UP)
def test_only_a_deferral_is_given_up_and_only_when_old(
    outcome: Deferred | Rejected, age: timedelta, is_given_up: bool
) -> None:
    found = given_up(outcome, age, TWO_DAYS)

    assert is_given_up == (isinstance(found, Rejected) and found.code == "gave-up")
    assert is_given_up or found is outcome
