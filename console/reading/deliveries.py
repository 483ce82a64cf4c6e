"""A page of the delivery log, newest first, found by reading back in time piece by piece.

A piece is a stretch of time, wide where there is little mail and narrow where there is much, so
that each read has about as many rows as a page. A search that runs out of patience says how far
back it has looked, and goes on from there when asked.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from console.reading.query import Query
from handoff.ids import first_id, is_id, time_of
from handoff.ledger_reader import LedgerReader, Line, Stretch

PAGE = 50
_MOST_A_READ = 200
_FEW = 60
"""With fewer rows than this in a piece, the next one is wider."""
_FIRST = timedelta(minutes=2)
_NARROWEST = timedelta(seconds=1)
_WIDEST_CHOSEN = timedelta(days=1)
"""Where the storage account has to choose rows, it walks through all of the piece."""
_WIDEST = timedelta(days=45)
_OLDEST = timedelta(days=400)
_A_LITTLE = 0.005
"""Seconds that a read may differ from another for no reason."""
_AHEAD = timedelta(minutes=10)
"""Clocks of edges may be ahead of ours."""


@dataclass(frozen=True)
class Page:
    """Some mails, newest first."""

    lines: list[Line]
    searched_to: datetime
    """All newer ones were looked at."""
    cursor: str | None
    """Where to go on; None at the end."""


def read_page(
    reader: LedgerReader,
    query: Query,
    now: datetime,
    *,
    cursor: str | None = None,
    size: int = PAGE,
    patience: float = 10.0,
) -> Page:
    """Up to `size` mails older than `cursor`, in not much more than `patience` seconds."""
    if query.before and (cursor is None or first_id(query.before) < cursor):
        cursor = first_id(query.before)
    high = cursor if cursor and is_id(cursor) else first_id(now + _AHEAD)
    floor = first_id(max(query.after, now - _OLDEST) if query.after else now - _OLDEST)
    began = time.monotonic()
    found: list[Line] = []
    for piece, lines in _pieces(reader, query, now, high, floor):
        high = piece.low
        found += [line for line in reversed(lines) if query.fits(line)]
        if len(found) > size:
            found = found[:size]
            high = found[-1].id
            break
        if len(found) == size or time.monotonic() - began >= patience:
            break
    return Page(found, time_of(high), high if high > floor else None)


def walk(reader: LedgerReader, query: Query, now: datetime) -> Iterator[Line]:
    """All mails that fit, newest first, for whoever can wait."""
    cursor: str | None = None
    while True:
        page = read_page(reader, query, now, cursor=cursor, size=1_000, patience=60)
        yield from page.lines
        if page.cursor is None:
            return
        cursor = page.cursor


def newer(reader: LedgerReader, query: Query, after: str, now: datetime) -> list[Line]:
    """Mails younger than the id `after`, oldest first."""
    stretch = Stretch(after + "0", first_id(now + _AHEAD))
    return [line for line in reader.every(stretch, query.equal) if query.fits(line)]


def _pieces(
    reader: LedgerReader, query: Query, now: datetime, high: str, floor: str
) -> Iterator[tuple[Stretch, list[Line]]]:
    """Pieces that follow each other back in time, and what is in them, oldest first."""
    width, quickest = _FIRST, float("inf")
    widest = _WIDEST_CHOSEN if query.equal else _WIDEST
    piece = Stretch(high, high)
    while piece.low > floor:
        high = piece.low
        # What lies ahead of the clock is little, and comes with the first piece.
        piece = Stretch(max(floor, first_id(min(now, time_of(high)) - width)), high)
        began = time.monotonic()
        found = reader.read(piece, _MOST_A_READ, query.equal)
        took = time.monotonic() - began
        if not found.is_whole:
            if width > _NARROWEST:
                width = max(_NARROWEST, width / 4)
                piece = replace(piece, low=high)
                continue
            found = replace(found, lines=list(reader.every(piece, query.equal)))
        yield piece, found.lines
        quickest = min(quickest, took)
        is_slow = bool(query.equal) and took > 2 * quickest + _A_LITTLE
        width = min(widest, width * _growth(len(found.lines), is_slow=is_slow))


def _growth(lines: int, *, is_slow: bool) -> float:
    """How much wider the next piece is: never less, or a search of long ago would not end.

    What an account walks through to choose rows it does not say; only that it takes its time.
    """
    if lines >= _FEW:
        return 1
    if is_slow:
        return 2
    return min(4.0, 1.5 * _FEW / lines) if lines else 16
