"""The dead mails of which somebody is still to be told: rows of table `status`.

A row is written after the dead letter and before the ledger says `dead`. In this order a crash
leaves at worst a row of a mail that is not dead: the ledger decides when the row is read.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from itertools import islice

from function_app.notices.rows import Row, remove
from handoff.ledger import Delivery, State
from handoff.storage import Storage

MOST_A_ROUND = 256
_PARTITION = "notice"
_LATER = timedelta(minutes=15)


@dataclass(frozen=True)
class Notice:
    """One death of one mail."""

    id: str
    """The mail's; of a queue message that is no ticket, the message's."""
    generation: int = 0
    """A mail that was put back may die again, and that is told again."""
    is_stranger: bool = False
    """It is no ticket, and has no row in the ledger."""

    @property
    def key(self) -> str:
        return f"{self.id}-{self.generation}"


class Fate(Enum):
    TELL = auto()
    WAIT = auto()
    DROP = auto()


def fate_of(notice: Notice, row: Delivery | None) -> Fate:
    """What is to become of `notice`, given the mail's row in the ledger. Pure."""
    if row is None or notice.is_stranger:
        return Fate.TELL
    if row.generation > notice.generation or row.state in (State.SENT, State.DISCARDED):
        return Fate.DROP
    return Fate.TELL if row.state is State.DEAD else Fate.WAIT


def post(notice: Notice, storage: Storage, now: datetime) -> None:
    """Have somebody told of `notice`. Twice is fine; faults of the storage account pass through."""
    storage.status.upsert_entity(
        _row(notice)
        | {
            "mail": notice.id,
            "generation": notice.generation,
            "is_stranger": notice.is_stranger,
            "due_at": now,
        }
    )


def due(storage: Storage, now: datetime) -> Iterator[Notice]:
    """The notices whose time has come, as many as a round takes."""
    found = storage.status.query_entities(
        "PartitionKey eq @partition and due_at le @now",
        parameters={"partition": _PARTITION, "now": now},
        results_per_page=MOST_A_ROUND,
    )
    for row in islice(found, MOST_A_ROUND):
        yield Notice(row["mail"], row["generation"], row["is_stranger"])


def put_off(notice: Notice, storage: Storage, now: datetime) -> None:
    """Look at `notice` again in a while, so that it is in nobody's way."""
    post(notice, storage, now + _LATER)


def drop(notices: Iterable[Notice], storage: Storage) -> None:
    remove(map(_row, notices), storage)


def _row(notice: Notice) -> Row:
    return {"PartitionKey": _PARTITION, "RowKey": notice.key}
