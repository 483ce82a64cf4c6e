"""The alarms of the function app, as the table `status` has them, for whoever looks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from azure.data.tables import TableClient

PARTITION = "alarm"
_MOST = 500


@dataclass(frozen=True)
class OpenAlarm:
    """Something that stays wrong until an administrator acts."""

    name: str
    code: str
    sentence: str
    raised_at: datetime
    seen_at: datetime


def open_alarms(status: TableClient) -> Sequence[OpenAlarm]:
    """Those that are not over, the newest first."""
    rows = status.query_entities(
        "PartitionKey eq @partition", parameters={"partition": PARTITION}, results_per_page=_MOST
    )
    found = [
        OpenAlarm(row["RowKey"], row["code"], row["sentence"], row["raised_at"], row["seen_at"])
        for row in islice(rows, _MOST)
        if row.get("cleared_at") is None or row["cleared_at"] <= row["seen_at"]
    ]
    return sorted(found, key=lambda alarm: alarm.raised_at, reverse=True)
