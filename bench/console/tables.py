"""Tables in memory, in the order of their keys, and what the service says to a query of them."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from bench.console.filters import Filter

MOST_ROWS = 1000
"""In one answer: https://learn.microsoft.com/rest/api/storageservices/query-timeout-and-pagination"""
MOST_LOOKED_AT = 20_000
"""In one answer: what may be read in the five seconds of that page, at four thousand a second."""
RANGE = 250_000
"""Rows of one partition range; an answer ends at its end, if it is empty."""
Entity = Mapping[str, Any]
Key = tuple[str, str]


class Table(Protocol):
    """Rows by their place in the order of keys."""

    def __len__(self) -> int: ...
    def place(self, partition: str, row: str) -> int:
        """Of the first row that is not below this key."""

    def key(self, place: int) -> Key: ...
    def entity(self, place: int) -> Entity: ...


class Stored:
    """Rows as they were given."""

    def __init__(self, entities: Iterable[Entity]) -> None:
        self._entities = sorted(entities, key=_key_of)
        self._keys = [_key_of(entity) for entity in self._entities]

    def __len__(self) -> int:
        return len(self._keys)

    def place(self, partition: str, row: str) -> int:
        return bisect_left(self._keys, (partition, row))

    def key(self, place: int) -> Key:
        return self._keys[place]

    def entity(self, place: int) -> Entity:
        return self._entities[place]


@dataclass(frozen=True)
class Answer:
    entities: Sequence[Entity]
    looked_at: int
    goes_on: Key | None
    """The key at which the next answer begins."""


def ask(table: Table, wanted: Filter, most: int, begin: Key | None) -> Answer:
    """One answer to a query; `begin` is where the last one ended."""
    place, stop = _range(table, wanted)
    if begin is not None:
        place = max(place, table.place(*begin))
    first = place
    found: list[Entity] = []
    last = min(stop, place + MOST_LOOKED_AT, (place // RANGE + 1) * RANGE)
    while place < last and len(found) < most:
        entity = table.entity(place)
        if wanted.fits(entity):
            found.append(entity)
        place += 1
    return Answer(found, place - first, table.key(place) if place < stop else None)


def _range(table: Table, wanted: Filter) -> tuple[int, int]:
    """The places that the service has to look at: rows narrow them in one partition only."""
    partition, row = wanted.bounds("PartitionKey"), wanted.bounds("RowKey")
    low = partition.low or ""
    start = table.place(low, (row.low or "") if partition.is_exact else "")
    if partition.high is None:
        return start, len(table)
    if partition.is_exact and row.high is not None:
        return start, table.place(low, row.high)
    return start, table.place(partition.high, "")


def _key_of(entity: Entity) -> Key:
    return entity["PartitionKey"], entity["RowKey"]
