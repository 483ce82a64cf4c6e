"""Read the ledger for people: many rows, few columns, newest first, and never without bound.

A row's key is the mail's id, and an id begins with its time. So every stretch of time is a range of
keys, and a range is read from the index of the table; nothing here walks through the whole table.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Self

from azure.data.tables import TableClient

from handoff.delivery import State
from handoff.ids import first_id, partition_of, time_of

_PAGE = 1000
"""A query answers with a thousand rows at most."""
_COLUMNS = (
    *("RowKey", "state", "attempts", "received_at", "site", "device", "mailbox", "reverse_path"),
    *("recipients", "recipient_count", "size", "message_id", "code", "reason", "ended_at"),
    *("next_attempt_at", "generation"),
)


@dataclass(frozen=True)
class Line:
    """What a list shows of a mail."""

    id: str
    state: State
    generation: int
    attempts: int
    received_at: datetime
    site: str
    device: str
    mailbox: str
    reverse_path: str
    recipients: tuple[str, ...]
    recipient_count: int
    size: int
    message_id: str
    code: str
    reason: str
    ended_at: datetime | None
    next_attempt_at: datetime | None

    @classmethod
    def from_entity(cls, entity: Mapping[str, Any]) -> Self:
        texts = ("site", "device", "mailbox", "reverse_path", "message_id", "code", "reason")
        return cls(
            id=entity["RowKey"],
            state=State(entity["state"]),
            generation=entity.get("generation", 0),
            attempts=entity["attempts"],
            received_at=entity["received_at"],
            recipients=tuple(json.loads(entity["recipients"])),
            recipient_count=entity["recipient_count"],
            size=entity["size"],
            ended_at=entity.get("ended_at"),
            next_attempt_at=entity.get("next_attempt_at"),
            **{name: entity.get(name) or "" for name in texts},
        )

    @property
    def seconds(self) -> float | None:
        """From the 250 to the end; None while there is none."""
        if self.ended_at is None:
            return None
        return max(0.0, (self.ended_at - self.received_at).total_seconds())


@dataclass(frozen=True)
class Stretch:
    """The ids from `low` on and before `high`."""

    low: str
    high: str


@dataclass(frozen=True)
class Found:
    """The rows of a stretch, oldest first. Not whole: there are more behind them."""

    lines: list[Line]
    is_whole: bool


class LedgerReader:
    """Faults of the storage account pass through."""

    def __init__(self, deliveries: TableClient) -> None:
        self._deliveries = deliveries

    def read(self, stretch: Stretch, most: int, equal: Mapping[str, str] | None = None) -> Found:
        """Up to `most` rows of `stretch` whose columns are `equal`."""
        rows = list(islice(self._rows(stretch, equal or {}, min(_PAGE, most + 1)), most + 1))
        return Found([Line.from_entity(row) for row in rows[:most]], len(rows) <= most)

    def every(self, stretch: Stretch, equal: Mapping[str, str] | None = None) -> Iterator[Line]:
        """All rows of `stretch`, however many there are."""
        return map(Line.from_entity, self._rows(stretch, equal or {}, _PAGE))

    def _rows(
        self, stretch: Stretch, equal: Mapping[str, str], at_once: int
    ) -> Iterator[Mapping[str, Any]]:
        columns = "".join(f" and {name} eq @{name}" for name in equal)
        first, last = partition_of(stretch.low), partition_of(stretch.high)
        parameters = {"first": first, "last": last, "low": stretch.low, "high": stretch.high}
        for place in _places(stretch):
            yield from self._deliveries.query_entities(
                place + columns,
                parameters=parameters | dict(equal),
                select=list(_COLUMNS),
                results_per_page=at_once,
            )


def _places(stretch: Stretch) -> tuple[str, ...]:
    """What to ask for, one after the other.

    Only where one partition is named does the service find a range of rows by their keys; of
    several it reads every row, and where OR joins two conditions, the whole table.
    """
    first, last = partition_of(stretch.low), partition_of(stretch.high)
    if first == last:
        return ("PartitionKey eq @first and RowKey ge @low and RowKey lt @high",)
    if last == partition_of(first_id(time_of(stretch.low) + timedelta(hours=1))):
        return (
            "PartitionKey eq @first and RowKey ge @low",
            "PartitionKey eq @last and RowKey lt @high",
        )
    bounds = "RowKey ge @low and RowKey lt @high"
    return (f"PartitionKey ge @first and PartitionKey le @last and {bounds}",)
