"""What was kept for long enough: find it, and remove it unless it changed meanwhile.

Everything is found oldest first, so that who stops in the middle goes on where it stopped. A row
goes only as it was read: one that somebody has changed since then stays.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, islice
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import (
    HttpResponseError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.data.tables import TableClient, TableEntity
from azure.storage.blob import BlobProperties, ContainerClient

from handoff.delivery import State
from handoff.ids import is_id
from handoff.ledger import Ledger

AT_ONCE = 100
"""A transaction takes so many rows of one partition."""
_PAGE = 1000
_SPOILT = (404, 412)
"""One row of a transaction is gone, or has changed."""


def ended_rows(
    deliveries: TableClient, since: str, until: str, before: datetime
) -> Iterator[TableEntity]:
    """Rows that ended before that moment, from partition `since` to partition `until`."""
    return iter(
        deliveries.query_entities(
            "PartitionKey ge @since and PartitionKey le @until and ended_at lt @before",
            parameters={"since": since, "until": until, "before": before},
            select=["PartitionKey", "RowKey", "state", "unsure_since"],
            results_per_page=_PAGE,
        )
    )


def status_rows(
    status: TableClient, partition: str, column: str, before: datetime | str
) -> Iterator[TableEntity]:
    """Rows of a partition of table `status` whose `column` is below `before`."""
    return iter(
        status.query_entities(
            f"PartitionKey eq @partition and {column} lt @before",
            parameters={"partition": partition, "before": before},
            results_per_page=_PAGE,
        )
    )


def portions(rows: Iterable[TableEntity]) -> Iterator[list[TableEntity]]:
    """`rows` as transactions take them: some, of one partition."""
    for _, of_partition in groupby(rows, key=lambda row: row["PartitionKey"]):
        while several := list(islice(of_partition, AT_ONCE)):
            yield several


def remove_rows(rows: list[TableEntity], table: TableClient) -> int:
    """Remove `rows` of one partition, but those that have changed; how many are gone now."""
    if not rows:
        return 0
    try:
        table.submit_transaction([("delete", row, _if_as_read(row)) for row in rows])
    except HttpResponseError as error:
        if error.status_code not in _SPOILT:
            raise
        return sum(_is_removed(row, table) for row in rows)
    return len(rows)


def blobs_before(
    container: ContainerClient, before: datetime, below: str = ""
) -> Iterator[BlobProperties]:
    """Blobs that nobody has written since then, by name; with `below`, up to that name."""
    for blob in container.list_blobs(results_per_page=_PAGE):
        if below and blob.name >= below:
            return
        if blob.last_modified < before:
            yield blob


def remove_blob(blob: BlobProperties, container: ContainerClient) -> bool:
    """Remove `blob`, unless somebody has written it since it was listed."""
    with suppress(ResourceModifiedError, ResourceNotFoundError):
        container.delete_blob(
            blob.name, etag=blob.etag, match_condition=MatchConditions.IfNotModified
        )
        return True
    return False


def octets_without_reason(dead_letters: ContainerClient, before: datetime) -> Iterator[str]:
    """The ids of dead letters that were never finished, or not wholly removed, since then."""
    earlier: BlobProperties | None = None
    for blob in dead_letters.list_blobs(results_per_page=_PAGE):
        if earlier is not None and _letter_of(earlier) != _letter_of(blob):
            yield _letter_of(earlier)
        # In the order of names the octets of a letter come right before its reason.
        is_old = blob.name.endswith(".eml") and blob.last_modified < before
        earlier = blob if is_old else None
    if earlier is not None:
        yield _letter_of(earlier)


def is_waiting(mail_id: str, deliveries: TableClient) -> bool:
    """Whether the ledger says that the mail is still to be sent, or that nobody knows."""
    row = Ledger(deliveries).find(mail_id) if is_id(mail_id) else None
    if row is None:
        return False
    in_doubt = row.state is State.DEAD and row.unsure_since is not None
    return in_doubt or row.state in (State.SENDING, State.DEFERRED)


@dataclass(frozen=True)
class Tour:
    """How far the ledger was walked through: all partitions before `partition`."""

    partition: str
    began_at: datetime
    is_over: bool = False

    def save(self, status: TableClient) -> None:
        status.upsert_entity(
            _TOUR
            | {"partition": self.partition, "began_at": self.began_at, "is_over": self.is_over}
        )

    @classmethod
    def load(cls, status: TableClient) -> "Tour | None":
        try:
            row: Mapping[str, Any] = status.get_entity(_TOUR["PartitionKey"], _TOUR["RowKey"])
        except ResourceNotFoundError:
            return None
        return cls(row["partition"], row["began_at"], row["is_over"])


_TOUR = {"PartitionKey": "function-app", "RowKey": "retention"}


def _if_as_read(row: TableEntity) -> dict[str, Any]:
    return {"etag": row.metadata["etag"], "match_condition": MatchConditions.IfNotModified}


def _is_removed(row: TableEntity, table: TableClient) -> bool:
    try:
        table.delete_entity(row, **_if_as_read(row))
    except ResourceModifiedError:
        return False
    except ResourceNotFoundError:
        return True
    return True


def _letter_of(blob: BlobProperties) -> str:
    return str(blob.name).rpartition(".")[0]
