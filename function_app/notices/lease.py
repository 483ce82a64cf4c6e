"""One round at a time: two would put the same dead mails into two digests.

The host starts a timer once for the whole app; after a failure it may start it a second time.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from azure.core import MatchConditions
from azure.core.exceptions import (
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)

from handoff.storage import Storage

LEASE = timedelta(minutes=4)
"""Less than between two rounds: that which a crash left is over by the next."""
_ROW = {"PartitionKey": "notice-round", "RowKey": "lease"}


@contextmanager
def round_lease(storage: Storage, now: datetime) -> Iterator[bool]:
    """Whether the round may be made; nobody else makes one meanwhile."""
    etag = _taken(storage, now)
    if etag is None:
        yield False
        return
    try:
        yield True
    finally:
        _give_back(storage, etag)


def _taken(storage: Storage, now: datetime) -> str | None:
    row = _ROW | {"until": now + LEASE}
    try:
        found = storage.status.get_entity(_ROW["PartitionKey"], _ROW["RowKey"])
    except ResourceNotFoundError:
        try:
            return str(storage.status.create_entity(row)["etag"])
        except ResourceExistsError:
            return None
    if found["until"] > now:
        return None
    try:
        answer = storage.status.update_entity(
            row, etag=found.metadata["etag"], match_condition=MatchConditions.IfNotModified
        )
    except (ResourceModifiedError, ResourceNotFoundError):
        return None
    return str(answer["etag"])


def _give_back(storage: Storage, etag: str) -> None:
    try:
        storage.status.delete_entity(_ROW, etag=etag, match_condition=MatchConditions.IfNotModified)
    except ResourceModifiedError:
        return  # it had run out, and somebody else has it
