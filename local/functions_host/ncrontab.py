"""When a timer trigger is due: NCRONTAB with six fields, in UTC. Pure.

{second} {minute} {hour} {day} {month} {day-of-week}; numbers, *, ranges, lists and steps.
Documented at learn.microsoft.com/azure/azure-functions/functions-bindings-timer.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

_FIELDS = (
    ("second", 0, 59),
    ("minute", 0, 59),
    ("hour", 0, 23),
    ("day", 1, 31),
    ("month", 1, 12),
    ("day of week", 0, 7),
)
_HORIZON_DAYS = 366 * 5


class BadSchedule(Exception):
    """The expression cannot be read."""


@dataclass(frozen=True)
class Schedule:
    """The values that match, a set for each field."""

    seconds: frozenset[int]
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    """0 is Sunday."""


def read_schedule(expression: str) -> Schedule:
    """Raises BadSchedule."""
    words = expression.split()
    if len(words) == 5:
        words = ["0", *words]
    if len(words) != len(_FIELDS):
        raise BadSchedule(f"{expression!r}: expected six fields")
    seconds, minutes, hours, days, months, weekdays = (
        _values(word, *field) for word, field in zip(words, _FIELDS, strict=True)
    )
    sunday_is_zero = frozenset(day % 7 for day in weekdays)
    return Schedule(seconds, minutes, hours, days, months, sunday_is_zero)


def next_occurrence(schedule: Schedule, after: datetime) -> datetime:
    """The first moment behind `after` that matches."""
    day = after.replace(hour=0, minute=0, second=0, microsecond=0)
    for _ in range(_HORIZON_DAYS):
        if _matches_day(schedule, day):
            for hour in sorted(schedule.hours):
                for minute in sorted(schedule.minutes):
                    for second in sorted(schedule.seconds):
                        moment = day.replace(hour=hour, minute=minute, second=second)
                        if moment > after:
                            return moment
        day += timedelta(days=1)
    raise BadSchedule("the schedule never comes due")


def _matches_day(schedule: Schedule, day: datetime) -> bool:
    return (
        day.month in schedule.months
        and day.day in schedule.days
        and day.isoweekday() % 7 in schedule.weekdays
    )


def _values(word: str, name: str, least: int, most: int) -> frozenset[int]:
    found: set[int] = set()
    for part in word.split(","):
        span, _, step = part.partition("/")
        first, dash, last = span.partition("-")
        try:
            if first == "*":
                low, high = least, most
            else:
                low = int(first)
                high = int(last) if dash else (most if step else low)
            stride = int(step) if step else 1
        except ValueError as error:
            raise BadSchedule(f"{name}: {part!r}") from error
        if not (least <= low <= high <= most and stride > 0):
            raise BadSchedule(f"{name}: {part!r} is not within {least} and {most}")
        found.update(range(low, high + 1, stride))
    return frozenset(found)
