"""Counts of the last hour, day, week: from what the timer counted, and the freshest hours anew.

The timer of the function app counts every five minutes, so the hour under way and the one before
are counted here. That is done at most every few seconds, and only while somebody looks.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from console.reading.queues import Queues, read_queues
from handoff.hours import HOUR, Figures, Hour, Hours, count, hour_of
from handoff.ids import first_id
from handoff.ledger_reader import LedgerReader, Line, Stretch
from handoff.storage import Storage

WEEK = timedelta(days=7)
_FRESH_SECONDS = 5.0
_AHEAD = timedelta(minutes=10)


@dataclass(frozen=True)
class Picture:
    """How the relay does, as of one moment."""

    at: datetime
    hours: Sequence[Hour]
    """Of the last week, oldest first, those without mail left out."""
    recent: Sequence[Line]
    """The mails of the hour under way and of the one before, oldest first."""
    queues: Queues

    def last(self, span: timedelta) -> Figures:
        """Of the last `span`: to the second for an hour, else in whole hours."""
        if span <= HOUR:
            return count(line for line in self.recent if line.received_at > self.at - span)
        since = hour_of(self.at - span) + HOUR
        return sum((hour.figures for hour in self.hours if hour.begins >= since), Figures())


def take(storage: Storage, now: datetime) -> Picture:
    """Look at everything once."""
    this_hour = hour_of(now)
    reader = LedgerReader(storage.deliveries)
    recent = list(reader.every(Stretch(first_id(this_hour - HOUR), first_id(now + _AHEAD))))
    counted = Hours(storage.status).read(this_hour - WEEK, this_hour - HOUR, with_names=False)
    return Picture(now, [*counted, *_fresh_hours(recent, now)], recent, read_queues(storage, now))


def shares(storage: Storage, span: timedelta, now: datetime) -> Figures:
    """Counts with devices and mailboxes; reads more than `take`."""
    this_hour = hour_of(now)
    reader = LedgerReader(storage.deliveries)
    recent = reader.every(Stretch(first_id(this_hour - HOUR), first_id(now + _AHEAD)))
    counted = Hours(storage.status).read(now - span, this_hour - HOUR, with_names=True)
    return sum((hour.figures for hour in counted), count(recent))


def _fresh_hours(recent: Sequence[Line], now: datetime) -> list[Hour]:
    this_hour = hour_of(now)
    by_hour: dict[datetime, list[Line]] = {this_hour - HOUR: [], this_hour: []}
    for line in recent:
        begins = max(this_hour - HOUR, min(this_hour, hour_of(line.received_at)))
        by_hour[begins].append(line)
    return [Hour(begins, count(lines), now) for begins, lines in by_hour.items()]


class Album:
    """The newest picture. A look does not wait for a fresh one for long; safe between threads."""

    def __init__(self, take_one: Callable[[], Picture], patience: float = 0.05) -> None:
        self._take = take_one
        self._patience = patience
        self._lock = threading.Lock()
        self._picture: Picture | None = None
        self._taken_at = float("-inf")
        self._taking: threading.Thread | None = None
        self._fault: Exception | None = None

    def newest(self) -> Picture:
        """Fresh, or as it was a moment ago. Raises what went wrong with the first one."""
        with self._lock:
            is_fresh = time.monotonic() < self._taken_at + _FRESH_SECONDS
            if not is_fresh and (self._taking is None or not self._taking.is_alive()):
                self._taking = threading.Thread(target=self._refresh, daemon=True)
                self._taking.start()
            taking, has_one = self._taking, self._picture is not None
        if not is_fresh and taking is not None:
            taking.join(self._patience if has_one else None)
        with self._lock:
            if self._fault is not None:
                raise self._fault
            assert self._picture is not None  # the first look waits for the first picture
            return self._picture

    def _refresh(self) -> None:
        try:
            picture = self._take()
        except Exception as fault:  # noqa: BLE001  it is the looker's to handle
            with self._lock:
                self._fault = fault
            return
        with self._lock:
            self._picture, self._fault = picture, None
            self._taken_at = time.monotonic()
