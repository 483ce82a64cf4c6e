"""A length of time as people write it in a setting. Pure."""

import re
from datetime import timedelta

from pydantic import TypeAdapter, ValidationError

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_ISO_8601 = TypeAdapter(timedelta)


def read_duration(text: str) -> timedelta | None:
    """Of 48h, 90m, 2d or P2D; None when it is none."""
    short = re.fullmatch(r"(\d{1,6})([smhd])", text.lower())
    if short:
        return timedelta(**{_UNITS[short[2]]: int(short[1])})
    if not text.upper().startswith("P"):
        return None
    try:
        return _ISO_8601.validate_python(text.upper())
    except ValidationError:
        return None
