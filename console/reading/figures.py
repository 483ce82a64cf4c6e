"""Counts of the last hour, day, week: from what the timer counted, and the freshest hours anew.

The timer of the function app counts every five minutes, so the hour under way and the one before
are counted here. That is done at most every few seconds, and only while somebody looks.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from handoff.delivery import State
from handoff.hours import HOUR, Figures, Hour, Hours, count, hour_of
from handoff.ids import first_id
from handoff.ledger_reader import LedgerReader, Line, Stretch
from handoff.queues import Queues, read_queues
from handoff.storage import Storage

WEEK = timedelta(days=7)
_DAY, _MONTH = timedelta(days=1), timedelta(days=30)
_NEWEST, _ALL_AGAIN = timedelta(minutes=2), timedelta(minutes=5)
_AHEAD = timedelta(minutes=10)


@dataclass(frozen=True, eq=False)
class Picture:
    """How the relay does, as of one moment."""

    at: datetime
    hours: Sequence[Hour]
    """Of the last week, oldest first, those without mail left out."""
    recent: Sequence[Line]
    """The mails of the hour under way and of the one before, oldest first."""
    queues: Queues
    _counted: dict[timedelta, Figures] = field(default_factory=dict, init=False, repr=False)

    def last(self, span: timedelta) -> Figures:
        """Of the last `span`: to the second for an hour, else in whole hours."""
        if span not in self._counted:
            self._counted[span] = self._count(span)
        return self._counted[span]

    def _count(self, span: timedelta) -> Figures:
        if span <= HOUR:
            return count(line for line in self.recent if line.received_at > self.at - span)
        since = hour_of(self.at - span) + HOUR
        return sum((hour.figures for hour in self.hours if hour.begins >= since), Figures())


def take(storage: Storage, recent: "Recent", now: datetime) -> Picture:
    """Look at everything once."""
    this_hour = hour_of(now)
    lines = recent.lines(now)
    counted = Hours(storage.status).read(this_hour - WEEK, this_hour - HOUR, with_names=False)
    return Picture(now, [*counted, *_fresh_hours(lines, now)], lines, read_queues(storage, now))


def shares(storage: Storage, span: timedelta, now: datetime) -> Figures:
    """Counts with devices and mailboxes; reads more than `take`."""
    this_hour = hour_of(now)
    counted = Hours(storage.status).read(now - span, this_hour - HOUR, with_names=True)
    return sum((hour.figures for hour in counted), count(Recent(storage).lines(now)))


class Month:
    """Counts of thirty days with devices and mailboxes. Not for several threads at once.

    The function app counts the hours of the last week again and again, and older ones no more; so
    those are read once.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._old: tuple[datetime, Figures] | None = None

    def read(self, now: datetime) -> Figures:
        ends = hour_of(now) - WEEK
        if self._old is None or ends - self._old[0] >= _DAY:
            hours = Hours(self._storage.status).read(ends + WEEK - _MONTH, ends, with_names=True)
            self._old = ends, sum((hour.figures for hour in hours), Figures())
        begins, old = self._old
        return old + shares(self._storage, now - begins, now)


class Recent:
    """The mails of the hour under way and of the one before. Not for several threads at once.

    Most of them never change. So all are read now and then, for those that came late, and when one
    that waited waits no more, or one waits anew; else the newest are enough.
    """

    def __init__(self, storage: Storage) -> None:
        self._reader = LedgerReader(storage.deliveries)
        self._known: dict[str, Line] = {}
        self._all_read_at: datetime | None = None

    def lines(self, now: datetime) -> Sequence[Line]:
        """Oldest first."""
        begins, newest, ends = hour_of(now) - HOUR, now - _NEWEST, now + _AHEAD
        earlier = Stretch(first_id(begins), first_id(newest))
        if self._is_whole(earlier, now):
            self._read(Stretch(earlier.high, first_id(ends)))
        else:
            self._known, self._all_read_at = {}, now
            self._read(Stretch(earlier.low, first_id(ends)))
        return [self._known[mail_id] for mail_id in sorted(self._known) if mail_id >= earlier.low]

    def _is_whole(self, earlier: Stretch, now: datetime) -> bool:
        if self._all_read_at is None or now - self._all_read_at >= _ALL_AGAIN:
            return False
        waited = {
            line.id
            for line in self._known.values()
            if line.state is State.DEFERRED and earlier.low <= line.id < earlier.high
        }
        wait = self._reader.every(earlier, {"state": State.DEFERRED.value})
        return waited == {line.id for line in wait}

    def _read(self, stretch: Stretch) -> None:
        self._known.update((line.id, line) for line in self._reader.every(stretch))


def _fresh_hours(recent: Sequence[Line], now: datetime) -> list[Hour]:
    this_hour = hour_of(now)
    by_hour: dict[datetime, list[Line]] = {this_hour - HOUR: [], this_hour: []}
    for line in recent:
        begins = max(this_hour - HOUR, min(this_hour, hour_of(line.received_at)))
        by_hour[begins].append(line)
    return [Hour(begins, count(lines), now) for begins, lines in by_hour.items()]
