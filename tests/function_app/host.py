"""The function app as a process, under the local Functions host."""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from handoff.ledger import State
from handoff.ticket import Ticket, encode
from local.child import Child
from tests.function_app.desk import Desk

ROOT = Path(__file__).parents[2]
LEASE_SECONDS = 2
_SECONDS = 60
"""A message that was put back while its host ended takes half a minute to come again."""
COMMAND = [sys.executable, "-m", "local.functions_host"]

Start = Callable[..., Child]


def queued(desk: Desk, **changes: Any) -> Ticket:
    ticket = desk.a_ticket_with_blob(**changes)
    desk.storage.outbound.send_message(encode(ticket), time_to_live=-1)
    return ticket


def says(event: str) -> Callable[[str], bool]:
    return lambda line: f'"event": "{event}"' in line


def wait_until(is_it: Callable[[], bool], what: str) -> None:
    give_up_at = time.monotonic() + _SECONDS
    while not is_it():
        assert time.monotonic() < give_up_at, f"not within {_SECONDS} s: {what}"
        time.sleep(0.05)


def wait_for_end(desk: Desk, ticket: Ticket, state: State = State.SENT) -> None:
    """Until the row says `state` and the queue has no message."""

    def is_done() -> bool:
        row = desk.ledger.find(ticket.id)
        depth = desk.storage.outbound.get_queue_properties().approximate_message_count
        return row is not None and row.state is state and depth == 0

    wait_until(is_done, f"the row says {state.value}, and the queue is empty")
