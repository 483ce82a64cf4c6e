"""What is broken, and when: the same for the same seed. Pure.

Each part of the relay has a lane of its own, so that several things are broken at once, but never
two of one part.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

Lane = Literal["edge", "function", "storage", "graph"]


@dataclass(frozen=True)
class Break:
    """One fault."""

    at: float
    """Seconds from the beginning."""
    lane: Lane
    name: str
    seconds: float
    """How long it lasts."""
    detail: str = ""


_DISK_POINTS = ("open:content", "write:content", "sync:content", "sync:directory", "write:log")
_MORE_DISK_POINTS = ("sync:log", "write:database", "sync:database", "unlink:content")
KILL_POINTS = tuple(
    f"{point} {when}"
    for point in (*_DISK_POINTS, *_MORE_DISK_POINTS, "reply:client")
    for when in ("before", "within", "after")
    if when != "within" or point.startswith("write")
)
FAULTS: dict[Lane, Sequence[str]] = {
    "edge": (
        "killed",
        "killed at a point",
        "power cut",
        "disk full",
        "read-only disk",
        "failed flush",
        "restarted",
        "clock steps",
    ),
    "function": ("killed", "restarted", "two at once", "strange messages"),
    "storage": (
        "refuse",
        "slow",
        "silent",
        "read-only",
        "lose-answers",
        "restarted",
        "restarted without leases",
        "no name server",
        "name unknown",
        "name server hangs",
    ),
    "graph": (
        "429",
        "503",
        "504, mail taken",
        "reset, mail taken",
        "reset",
        "hang",
        "no answer, mail taken",
        "drafts fail",
        "credential expired",
        "sign-in down",
    ),
}
_LASTS = {"edge": (1, 5), "function": (1, 6), "storage": (2, 10), "graph": (2, 8)}
_RESTS = {"edge": (3, 10), "function": (4, 12), "storage": (4, 12), "graph": (3, 9)}


def plan(seed: int, seconds: float, haste: float = 1) -> list[Break]:
    """What happens in `seconds`, in its order; with `haste` all faults and pauses are shorter."""
    lanes = (_lane(seed, lane, seconds, haste) for lane in FAULTS)
    return sorted((one for lane in lanes for one in lane), key=lambda one: one.at)


def _lane(seed: int, lane: Lane, seconds: float, haste: float) -> Iterator[Break]:
    chance = random.Random(f"{seed}/{lane}")
    names: list[str] = []
    at = chance.uniform(*_RESTS[lane]) / haste
    while at < seconds:
        if not names:  # each fault once before any comes again
            names = chance.sample(FAULTS[lane], len(FAULTS[lane]))
        name = names.pop()
        lasts = chance.uniform(*_LASTS[lane]) / haste
        yield Break(at, lane, name, lasts, _detail(name, chance))
        at += lasts + chance.uniform(*_RESTS[lane]) / haste


def _detail(name: str, chance: random.Random) -> str:
    match name:
        case "killed at a point":
            return chance.choice(KILL_POINTS)
        case "failed flush":
            return chance.choice(("sync:content", "sync:directory", "sync:log"))
        case "clock steps":
            return str(chance.choice((-3600, -600, -60, 60, 600)))
        case _:
            return ""
