"""What tests of keeping and removing work with: a round of the timer, and what it finds."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from function_app.deliver import deliver
from function_app.means import LEASE
from function_app.outcome import Rejected
from function_app.retention.retain import Removed, retain
from function_app.retention.round import Round
from function_app.retention.times import KeepTimes
from handoff.delivery import Delivery, State, to_entity
from handoff.ticket import Ticket
from tests.function_app.desk import Desk, ScriptedProvider

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
KEEP = KeepTimes()
_GONE = Rejected("ErrorInvalidUser", "No such mailbox.")


def a_round(desk: Desk, keep: KeepTimes = KEEP, **changes: Any) -> Removed:
    return retain(Round(desk.storage, desk.now, **changes), keep)


def a_row(desk: Desk, state: State = State.SENT, **changes: Any) -> Delivery:
    """The row of a mail that ended now."""
    row = Delivery.opened(desk.a_ticket(**changes), "message", desk.now, LEASE)
    return row if state is State.SENDING else row.concluded(state, desk.now)


def recorded(desk: Desk, rows: Iterable[Delivery]) -> list[Delivery]:
    several = list(rows)
    desk.storage.deliveries.submit_transaction([("create", to_entity(row)) for row in several])
    return several


def rows_of(desk: Desk) -> int:
    return len(list(desk.storage.deliveries.list_entities()))


def died(desk: Desk) -> Ticket:
    ticket = desk.a_ticket()
    message = desk.queued(ticket)
    deliver(message, desk.means(ScriptedProvider([_GONE])))
    assert desk.is_let_go(message)
    return ticket


def letters_of(desk: Desk) -> list[str]:
    return list(desk.storage.dead_letters.list_blob_names())
