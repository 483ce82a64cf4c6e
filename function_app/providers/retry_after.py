"""Retry-After: how long a provider wants to be left alone. Pure."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

_LONGEST = timedelta(hours=1)
"""A provider that asks for more is asked again after this."""


def parse_retry_after(value: str | None, now: datetime) -> timedelta | None:
    """A Retry-After field (RFC 9110 §10.2.3: seconds or a date), at most an hour; None if none."""
    if value is None:
        return None
    pause = _from_seconds(value) if value.strip().isdecimal() else _from_date(value, now)
    if pause is None:
        return None
    return min(max(pause, timedelta(0)), _LONGEST)


def _from_seconds(value: str) -> timedelta:
    # Digits without end are a number that int() and timedelta() refuse.
    return timedelta(seconds=int(value)) if len(value.strip()) < 9 else _LONGEST


def _from_date(value: str, now: datetime) -> timedelta | None:
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now
