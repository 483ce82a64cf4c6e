"""Write and remove many rows of one partition of table `status`, some dozens a request."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from azure.core.exceptions import HttpResponseError

from handoff.storage import Storage

_AT_ONCE = 50
"""A transaction takes 100 rows and 4 MiB; a row of ours has up to 64 KiB."""

Row = dict[str, Any]


def write(rows: Iterable[Row], storage: Storage) -> None:
    """Insert or change `rows`."""
    for several in _in_portions(rows):
        storage.status.submit_transaction([("upsert", row) for row in several])


def remove(rows: Iterable[Row], storage: Storage) -> None:
    """Remove `rows`, of which some may be gone."""
    for several in _in_portions(rows):
        try:
            storage.status.submit_transaction([("delete", row) for row in several])
        except HttpResponseError:  # one that is gone spoils it for all
            for row in several:
                storage.status.delete_entity(row)


def _in_portions(rows: Iterable[Row]) -> Iterator[list[Row]]:
    left = iter(rows)
    while several := list(islice(left, _AT_ONCE)):
        yield several
