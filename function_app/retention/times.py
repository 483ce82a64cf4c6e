"""How long each kind of thing is kept: the settings `RELAY_KEEP_…`. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from function_app.duration import read_duration

_DAY = timedelta(days=1)
_FOREVER = "forever"
_MOST = 3650 * _DAY


@dataclass(frozen=True)
class KeepTimes:
    deliveries: timedelta = 90 * _DAY
    """A row of the ledger, from the end of its mail on."""
    dead_letters: timedelta | None = None
    """None: until somebody redrives or discards it."""
    content: timedelta = 30 * _DAY
    """Octets in a blob that no mail needs."""
    statistics: timedelta = 400 * _DAY
    audit: timedelta = 400 * _DAY
    signals: timedelta = 30 * _DAY
    """What was heard of sites, devices, credentials, tokens, probes; alarms that are over."""


def read_keep_times(env: Mapping[str, str], faults: list[str]) -> KeepTimes:
    usual = KeepTimes()

    def time(name: str, default: timedelta, least: int) -> timedelta:
        return _read(env.get(name), name, default, least * _DAY, faults)

    letters = env.get("RELAY_KEEP_DEAD_LETTERS", _FOREVER)
    return KeepTimes(
        # The ledger is also what stops a second send, of a ticket that an edge puts once more.
        deliveries=time("RELAY_KEEP_DELIVERIES", usual.deliveries, 30),
        dead_letters=None
        if letters.lower() == _FOREVER
        else _read(letters, "RELAY_KEEP_DEAD_LETTERS", _MOST, 7 * _DAY, faults, f"{_FOREVER}, "),
        content=time("RELAY_KEEP_CONTENT", usual.content, 14),
        statistics=time("RELAY_KEEP_STATISTICS", usual.statistics, 30),
        audit=time("RELAY_KEEP_AUDIT", usual.audit, 30),
        signals=time("RELAY_KEEP_SIGNALS", usual.signals, 7),
    )


def _read(
    text: str | None,
    name: str,
    default: timedelta,
    least: timedelta,
    faults: list[str],
    other: str = "",
) -> timedelta:
    if text is None:
        return default
    duration = read_duration(text)
    if duration is None:
        faults.append(f'{name}: "{text}" is no duration; write {other}90d or P90D.')
    elif not least <= duration <= _MOST:
        faults.append(f"{name}: choose at least {least.days}d and at most {_MOST.days}d.")
    return duration or default
