"""What an hour of mail came to: one small row of table `status`, made by the function's timer.

Whoever asks about a week reads 168 of them instead of all mails. The hour is that of the mails'
ids, so it is when they were accepted, not when they were sent.
"""

import json
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from azure.data.tables import TableClient

from handoff.delivery import State
from handoff.ids import first_id, partition_of
from handoff.ledger_reader import Line, Stretch

PARTITION = "hour"
HOUR = timedelta(hours=1)
BOUNDS = (
    *(0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 8.0, 12.0, 20.0, 30.0, 60.0, 120.0),
    *(300.0, 900.0, 1800.0, 3600.0, 7200.0, 21600.0, 86400.0, 172800.0),
)
"""Upper ends, in seconds, of the classes in which times from 250 to sent are counted."""
_MOST_NAMES = 150
"""Of devices, or of mailboxes, in one row: a property holds 32,768 characters."""
_BRIEF = ("RowKey", "states", "attempts", "octets", "times", "codes", "counted_at")


@dataclass(frozen=True)
class Share:
    """What one device or one mailbox had of it."""

    mails: int = 0
    sent: int = 0
    failed: int = 0
    octets: int = 0
    last: str = ""
    """The id of its latest mail."""
    fault: str = ""
    """The code of its latest mail that was not sent."""

    def __add__(self, other: "Share") -> "Share":
        later = max(self, other, key=lambda share: share.last)
        earlier = other if later is self else self
        return Share(
            self.mails + other.mails,
            self.sent + other.sent,
            self.failed + other.failed,
            self.octets + other.octets,
            later.last,
            later.fault or earlier.fault,
        )


@dataclass(frozen=True)
class Figures:
    """Counts of some mails."""

    states: Mapping[State, int] = field(default_factory=dict)
    attempts: int = 0
    octets: int = 0
    times: Mapping[int, int] = field(default_factory=dict)
    """How many were sent in a time of which class."""
    codes: Mapping[str, int] = field(default_factory=dict)
    """Why mails wait, or died."""
    devices: Mapping[str, Share] = field(default_factory=dict)
    """By `site/device`."""
    mailboxes: Mapping[str, Share] = field(default_factory=dict)

    @property
    def mails(self) -> int:
        return sum(self.states.values())

    @property
    def waiting(self) -> int:
        return self.states.get(State.SENDING, 0) + self.states.get(State.DEFERRED, 0)

    def percentile(self, share: float) -> float | None:
        """Within how many seconds that share of the sent mails was sent; None without any."""
        total, passed = sum(self.times.values()), 0
        for index in sorted(self.times):
            passed += self.times[index]
            if passed >= total * share:
                return BOUNDS[min(index, len(BOUNDS) - 1)]
        return None

    def __add__(self, other: "Figures") -> "Figures":
        return Figures(
            Counter(self.states) + Counter(other.states),
            self.attempts + other.attempts,
            self.octets + other.octets,
            Counter(self.times) + Counter(other.times),
            Counter(self.codes) + Counter(other.codes),
            _merged(self.devices, other.devices),
            _merged(self.mailboxes, other.mailboxes),
        )


def count(lines: Iterable[Line]) -> Figures:
    """The figures of `lines`. Pure."""
    states: Counter[State] = Counter()
    times: Counter[int] = Counter()
    codes: Counter[str] = Counter()
    devices: dict[str, Share] = {}
    mailboxes: dict[str, Share] = {}
    attempts = octets = 0
    for line in lines:
        states[line.state] += 1
        attempts += line.attempts
        octets += line.size
        is_sent = line.state is State.SENT
        if is_sent and line.seconds is not None:
            times[bisect_left(BOUNDS, line.seconds)] += 1
        elif line.code:
            codes[line.code] += 1
        share = _share_of(line)
        device = f"{line.site}/{line.device}"
        devices[device] = devices.get(device, Share()) + share
        mailboxes[line.mailbox] = mailboxes.get(line.mailbox, Share()) + share
    return Figures(states, attempts, octets, times, codes, devices, mailboxes)


def stretch_of(hour: datetime) -> Stretch:
    return Stretch(first_id(hour), first_id(hour + HOUR))


def hour_of(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


@dataclass(frozen=True)
class Hour:
    """An hour, and what was counted in it, and when."""

    begins: datetime
    figures: Figures
    counted_at: datetime


class Hours:
    """The rows. Storage faults pass through."""

    def __init__(self, status: TableClient) -> None:
        self._status = status

    def write(self, hour: Hour) -> None:
        self._status.upsert_entity(_to_entity(hour))

    def read(self, since: datetime, until: datetime, *, with_names: bool) -> Sequence[Hour]:
        """The hours from `since` and before `until`, oldest first, as far as they were counted."""
        rows = self._status.query_entities(
            "PartitionKey eq @partition and RowKey ge @since and RowKey lt @until",
            parameters={
                "partition": PARTITION,
                "since": _key(hour_of(since)),
                "until": _key(hour_of(until)),
            },
            select=[*_BRIEF, "devices", "mailboxes"] if with_names else list(_BRIEF),
            results_per_page=1000,
        )
        return [_from_entity(row) for row in rows]


def _share_of(line: Line) -> Share:
    is_sent = line.state is State.SENT
    return Share(
        mails=1,
        sent=int(is_sent),
        failed=int(line.state is State.DEAD),
        octets=line.size,
        last=line.id,
        fault="" if is_sent else line.code,
    )


def _merged(some: Mapping[str, Share], others: Mapping[str, Share]) -> dict[str, Share]:
    merged = dict(some)
    for name, share in others.items():
        merged[name] = merged.get(name, Share()) + share
    return merged


def _key(hour: datetime) -> str:
    return partition_of(first_id(hour))


def _to_entity(hour: Hour) -> dict[str, Any]:
    figures = hour.figures
    return {
        "PartitionKey": PARTITION,
        "RowKey": _key(hour.begins),
        "counted_at": hour.counted_at,
        "attempts": figures.attempts,
        "octets": str(figures.octets),
        "states": json.dumps({state.value: number for state, number in figures.states.items()}),
        "times": json.dumps(figures.times),
        "codes": json.dumps(dict(Counter(figures.codes).most_common(_MOST_NAMES))),
        "devices": _shares_to_json(figures.devices),
        "mailboxes": _shares_to_json(figures.mailboxes),
    }


def _from_entity(entity: Mapping[str, Any]) -> Hour:
    begins = datetime.strptime(entity["RowKey"], "%Y%m%d%H").replace(tzinfo=UTC)
    figures = Figures(
        {State(name): number for name, number in json.loads(entity["states"]).items()},
        entity["attempts"],
        int(entity["octets"]),
        {int(index): number for index, number in json.loads(entity["times"]).items()},
        json.loads(entity["codes"]),
        _shares_from_json(entity.get("devices") or "{}"),
        _shares_from_json(entity.get("mailboxes") or "{}"),
    )
    return Hour(begins, figures, entity["counted_at"])


def _shares_to_json(shares: Mapping[str, Share]) -> str:
    busiest = sorted(shares.items(), key=lambda item: item[1].mails, reverse=True)[:_MOST_NAMES]
    return json.dumps(
        {
            name[:90]: [s.mails, s.sent, s.failed, s.octets, s.last, s.fault[:60]]
            for name, s in busiest
        }
    )


def _shares_from_json(text: str) -> dict[str, Share]:
    return {name: Share(*values) for name, values in json.loads(text).items()}
