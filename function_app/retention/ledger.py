"""Rows of the ledger, from the oldest hour on.

A round goes on where the last one stopped. When it has come to the present it looks at the last
days only; once a day it starts from the oldest hour again, for mail that came late and for dead
mail that somebody has let go.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from function_app.retention.round import Round
from handoff.dead_letters import DeadLetters
from handoff.delivery import State
from handoff.ids import first_id, partition_of
from handoff.retention import Tour, ended_rows, portions, remove_rows
from handoff.storage import Storage

_AGAIN_AFTER = timedelta(days=1)
_LATE = timedelta(days=2)
"""A mail ends after the hour of its id; seldom so much later."""


def remove_deliveries(here: Round, keep: timedelta) -> int:
    """How many rows are gone."""
    deliveries, status = here.storage.deliveries, here.storage.status
    before = here.before(keep)
    tour = _next(Tour.load(status), here)
    removed = 0
    for rows in portions(
        ended_rows(deliveries, tour.partition, partition_of(first_id(before)), before)
    ):
        if here.is_spent:
            Tour(rows[0]["PartitionKey"], tour.began_at).save(status)
            return removed
        here.look_at(len(rows))
        removed += remove_rows([row for row in rows if _may_go(row, here.storage)], deliveries)
    reached = max(tour.partition, partition_of(first_id(before - _LATE)))
    Tour(reached, tour.began_at, is_over=True).save(status)
    return removed


def _next(tour: Tour | None, here: Round) -> Tour:
    if tour is None or (tour.is_over and here.now - tour.began_at >= _AGAIN_AFTER):
        return Tour("", here.now)
    return tour


def _may_go(row: Mapping[str, Any], storage: Storage) -> bool:
    """Sent and discarded mail is over. Dead mail is not while its dead letter is kept."""
    if row["state"] != State.DEAD:
        return row["state"] in (State.SENT, State.DISCARDED)
    return row.get("unsure_since") is None and not DeadLetters(storage.dead_letters).has(
        row["RowKey"]
    )
