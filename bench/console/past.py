"""A past of many mails, made up row by row when somebody looks: thirty days, evenly.

Nothing but the ids is held, so that a million rows are there in seconds.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, cast

from azure.data.tables import TableClient

from bench.console.tables import Entity, Key
from handoff.delivery import Attempt, Delivery, State, to_entity
from handoff.hours import HOUR, Hour, Hours, count, hour_of
from handoff.ids import first_id, partition_of, time_of
from handoff.ledger_reader import Line

DAYS = 30
DEVICES, SITES, MAILBOXES = 200, 20, 40
RARE = "attic"
"""A device that has a handful of mails in all the time."""
_RARE_EVERY = 7
CODES = ("ErrorInvalidUser", "http-503", "gave-up", "AADSTS7000215")
_MIXED = 2_654_435_761
"""Spreads numbers that follow each other (Knuth's multiplicative hash)."""


class Mails:
    """Table `deliveries`."""

    def __init__(self, number: int, now: datetime) -> None:
        self._now = now
        began = now - timedelta(days=DAYS)
        step = timedelta(days=DAYS) / number
        self._number = number
        self.ids = [f"{first_id(began + step * place)[:10]}{place:016d}" for place in range(number)]
        self.entity: Callable[[int], Entity] = lru_cache(50_000)(self._entity)

    def __len__(self) -> int:
        return self._number

    def place(self, partition: str, row: str) -> int:
        try:
            hour = datetime.strptime(partition[:10], "%Y%m%d%H").replace(tzinfo=UTC)
        except ValueError:
            return 0 if partition < "2" else self._number
        begins = bisect_left(self.ids, first_id(hour + HOUR * (len(partition) > 10)))
        ends = bisect_left(self.ids, first_id(hour + HOUR))
        return begins if not row else bisect_left(self.ids, row, begins, max(begins, ends))

    def key(self, place: int) -> Key:
        mail_id = self.ids[place]
        return partition_of(mail_id), mail_id

    def _entity(self, place: int) -> Entity:
        return to_entity(self._mail(place))

    def _mail(self, place: int) -> Delivery:
        mail_id, mixed = self.ids[place], place * _MIXED % 2**32
        at = time_of(mail_id)
        device = mixed % DEVICES
        is_rare = place % (self._number // _RARE_EVERY) == self._number // (2 * _RARE_EVERY)
        state = self._state(mixed >> 8, at)
        took = timedelta(seconds=1 + (mixed >> 16) % 40 / 10)
        code = "" if state is State.SENT else CODES[mixed % len(CODES)]
        attempt = Attempt(at + took, state, code, "It was so." if code else "", at + took / 2)
        return Delivery(
            id=mail_id,
            state=state,
            generation=0,
            attempts=1,
            received_at=at,
            claimed_at=at + took / 2,
            lease_until=at + timedelta(minutes=6),
            site=f"plant-{device % SITES}",
            device=RARE if is_rare else f"scanner-{device}",
            mailbox=f"noreply-{device % MAILBOXES}@contoso.com",
            reverse_path=f"scan{device}@contoso.com",
            recipient_count=1,
            recipients=(f"person{mixed % 5000}@contoso.com",),
            size=20_000 + mixed % 400_000,
            message_id=f"<{mixed}@contoso.com>",
            provider="graph",
            request_id=mail_id,
            code=code,
            reason=attempt.reason,
            ended_at=at + took if state in (State.SENT, State.DEAD) else None,
            next_attempt_at=self._now if state is State.DEFERRED else None,
            history=(attempt,),
        )

    def _state(self, mixed: int, at: datetime) -> State:
        if mixed % 1000 == 0:
            return State.DEAD
        if mixed % 100 == 1 and self._now - at < timedelta(hours=1):
            return State.DEFERRED
        return State.SENT


def status_rows(mails: Mails, now: datetime) -> Iterator[dict[str, Any]]:
    """Table `status`: hours as the function app has counted them, sites and devices."""
    written: list[dict[str, Any]] = []
    hours = Hours(cast(TableClient, _Catcher(written)))
    begins = hour_of(now) - HOUR
    figures = count(_lines(mails, begins))
    for number in range(DAYS * 24):
        hours.write(Hour(begins - HOUR * number, figures, now))
    yield from written
    yield {"PartitionKey": "function-app", "RowKey": "queue", "at": now, "outbound_depth": 0}
    for site in range(SITES):
        yield _site(f"plant-{site}", now)
    for device in range(DEVICES):
        yield _device(f"plant-{device % SITES}", f"scanner-{device}", now)


class _Catcher:
    """Takes rows as the client of a table does."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self._rows = rows

    def upsert_entity(self, entity: dict[str, Any]) -> None:
        self._rows.append(entity)


def _lines(mails: Mails, begins: datetime) -> Iterator[Line]:
    start, stop = (bisect_left(mails.ids, first_id(at)) for at in (begins, begins + HOUR))
    return (Line.from_entity(mails.entity(place)) for place in range(start, stop))


def _site(name: str, now: datetime) -> dict[str, Any]:
    numbers = {"spool_mails": "0", "spool_bytes": "0", "spool_most_bytes": "10000000000"}
    moments = {"at": now, "started_at": now - timedelta(days=9)}
    row = {"PartitionKey": "site", "RowKey": name, "every": 300, "version": "1", "faults": 0}
    return row | numbers | moments


def _device(site: str, name: str, now: datetime) -> dict[str, Any]:
    row = {"PartitionKey": "device", "RowKey": f"{site}|{name}", "mails": 9, "silent_after": 0}
    return row | {"noted_at": now, "last_seen": now, "address": "10.0.8.21", "tls": "TLSv1.3"}
