"""Numbers and times as people read them. Pure."""

from datetime import datetime, timedelta

_NOTHING = "\N{EN DASH}"


def plural(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def size_of(octets: int) -> str:
    for unit, bound in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if octets >= bound:
            return f"{octets / bound:.1f} {unit}"
    return f"{octets} B"


def duration(seconds: float | None) -> str:
    """Rounded to what matters: 0.3 s, 45 s, 12 min, 3 h, 9 d."""
    if seconds is None:
        return _NOTHING
    if seconds < 10:
        return f"{seconds:.1f} s"
    for unit, length, most in (("s", 1, 120), ("min", 60, 7200), ("h", 3600, 172_800)):
        if seconds < most:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds / 86_400:.0f} d"


def after(seconds: float) -> str:
    """Between two stations of a mail: +41 ms, +1.24 s, +3 h."""
    if 0 <= seconds < 0.9995:
        return f"+{seconds * 1000:.0f} ms"
    if 0 < seconds < 10:
        return f"+{seconds:.2f} s"
    return f"+{duration(seconds)}"


def ago(moment: datetime, now: datetime) -> str:
    passed = now - moment
    if passed < timedelta(seconds=5):
        return "just now"
    return f"{duration(max(0.0, passed.total_seconds()))} ago"


def stamp(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}" if moment else ""


def share(part: int, whole: int) -> str:
    if not whole:
        return _NOTHING
    return f"{part / whole:.1%}" if part else "0 %"
