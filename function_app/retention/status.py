"""Rows of table `status`: counted hours, the audit, and what is heard of no more."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import chain
from typing import Any

from function_app.notices import quota
from function_app.retention.round import Round
from function_app.retention.times import KeepTimes
from handoff import alarms, application_records, audit, endings, findings, hours, refreshes, sites
from handoff.ids import first_id, partition_of
from handoff.retention import portions, remove_rows, status_rows

_HEARD = (
    # The partition, and the column that says when the row was last true.
    (sites.SITE, "at"),
    (sites.DEVICE, "noted_at"),
    (endings.PARTITION, "at"),
    (findings.PARTITION, "at"),
    (application_records.PARTITION, "ask_at"),
    (refreshes.PARTITION, "at"),
    (quota.PARTITION, "at"),
    (alarms.PARTITION, "cleared_at"),
)


def remove_status(here: Round, keep: KeepTimes) -> int:
    """How many rows are gone."""
    removed = 0
    for rows in portions(_old(here, keep)):
        if here.is_spent:
            break
        here.look_at(len(rows))
        removed += remove_rows([row for row in rows if not _is_open(row)], here.storage.status)
    return removed


def _old(here: Round, keep: KeepTimes) -> Iterator[Any]:
    status = here.storage.status
    hour = partition_of(first_id(here.before(keep.statistics)))
    wanted: list[tuple[str, str, datetime | str]] = [
        (hours.PARTITION, "RowKey", hour),
        (audit.PARTITION, "at", here.before(keep.audit)),
        *((partition, column, here.before(keep.signals)) for partition, column in _HEARD),
    ]
    return chain.from_iterable(status_rows(status, *one) for one in wanted)


def _is_open(row: Mapping[str, Any]) -> bool:
    """An alarm that was raised again after it was cleared."""
    return row["PartitionKey"] == alarms.PARTITION and bool(row["seen_at"] >= row["cleared_at"])
