"""A `$filter` of the table service, as far as the relay uses it. Anything else is an error. Pure.

https://learn.microsoft.com/rest/api/storageservices/querying-tables-and-entities
"""

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

_TERM = re.compile(
    r"\s*(?P<name>[A-Za-z_]\w*) (?P<how>eq|ne|gt|ge|lt|le) "
    r"(?P<value>datetime'[^']*'|'(?:[^']|'')*'|-?\d+|true|false)\s*(?P<and> and |$)"
)
_HOW: Mapping[str, Callable[[Any, Any], bool]] = {
    name: getattr(operator, name) for name in ("eq", "ne", "gt", "ge", "lt", "le")
}
_KEYS = ("PartitionKey", "RowKey")


class BadFilter(Exception):
    """It holds something that this stand-in does not know."""


@dataclass(frozen=True)
class Term:
    name: str
    how: str
    value: Any

    def fits(self, entity: Mapping[str, Any]) -> bool:
        """A property that an entity does not have compares with nothing."""
        value = entity.get(self.name)
        return type(value) is type(self.value) and _HOW[self.how](value, self.value)


@dataclass(frozen=True)
class Bounds:
    """From `low` on, and before `high`; None has no end."""

    low: str | None
    high: str | None
    is_exact: bool


@dataclass(frozen=True)
class Filter:
    terms: tuple[Term, ...]

    def fits(self, entity: Mapping[str, Any]) -> bool:
        return all(term.fits(entity) for term in self.terms)

    def bounds(self, key: str) -> Bounds:
        """Between which values of `key` the rows are."""
        own = [term for term in self.terms if term.name == key]
        # With a zero behind it a key is the next one that there could be.
        low = [
            term.value + ("\0" if term.how == "gt" else "")
            for term in own
            if term.how in ("eq", "ge", "gt")
        ]
        high = [
            term.value + ("" if term.how == "lt" else "\0")
            for term in own
            if term.how in ("eq", "le", "lt")
        ]
        is_exact = any(term.how == "eq" for term in own)
        return Bounds(max(low, default=None), min(high, default=None), is_exact)

    @property
    def is_bounded(self) -> bool:
        """Whether the service need not walk through the whole table."""
        partition = self.bounds("PartitionKey")
        return partition.low is not None and partition.high is not None


def read_filter(text: str) -> Filter:
    """Terms joined by AND. Raises BadFilter."""
    terms, place = [], 0
    while place < len(text):
        found = _TERM.match(text, place)
        if found is None or (found["and"] and found.end() == len(text)):
            raise BadFilter(text[place:])
        term = Term(found["name"], found["how"], _value(found["value"]))
        if term.name in _KEYS and not isinstance(term.value, str):
            raise BadFilter(text[place:])
        terms.append(term)
        place = found.end()
    return Filter(tuple(terms))


def _value(text: str) -> Any:
    if text.startswith("datetime'"):
        return datetime.fromisoformat(text[9:-1])
    if text.startswith("'"):
        return text[1:-1].replace("''", "'")
    return text == "true" if text in ("true", "false") else int(text)
