"""Who redrove, discarded or adopted what: rows of table `status`, written before it is done.

In this order a crash leaves at worst a row about something that was not done.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Literal

from azure.data.tables import TableClient

from handoff.ids import new_id

PARTITION = "audit"
Action = Literal["redrive", "discard", "adopt"]
_IDS_A_ROW = 1_000
"""A property holds 32,768 characters, and an id has 26."""


@dataclass(frozen=True)
class AuditRow:
    at: datetime
    who: str
    """As the console or the machine knows the person."""
    action: Action
    mails: tuple[str, ...]
    """Their ids; of `adopt`, the name of the device."""


def note(row: AuditRow, status: TableClient) -> None:
    """Write `row`, or several where it names many mails."""
    for start in range(0, len(row.mails), _IDS_A_ROW):
        status.create_entity(
            {
                "PartitionKey": PARTITION,
                "RowKey": new_id(row.at),
                "at": row.at,
                "who": row.who[:256],
                "action": row.action,
                "mails": json.dumps(row.mails[start : start + _IDS_A_ROW]),
            }
        )


def noted(status: TableClient, most: int = 1_000) -> Sequence[AuditRow]:
    """The rows, newest first, of as many as are read."""
    return sorted(islice(_rows(status), most), key=lambda row: row.at, reverse=True)


def _rows(status: TableClient) -> Iterator[AuditRow]:
    for row in status.query_entities(
        "PartitionKey eq @partition", parameters={"partition": PARTITION}
    ):
        yield AuditRow(row["at"], row["who"], row["action"], tuple(json.loads(row["mails"])))
