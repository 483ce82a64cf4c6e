"""What there is to tell, in the form that every way of telling starts from. Pure."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from handoff.ids import new_id

Event = Literal["dead", "alarm", "alarm-over"]
FIRST_ONES = 10
"""How many of its news a digest names."""


@dataclass(frozen=True)
class News:
    """One thing that happened."""

    id: str
    """The same whenever it is told."""
    event: Event
    at: datetime
    since: datetime
    """When it began, and never another moment: for a dead mail, when it was accepted."""
    about: str
    """The id of the mail, or the name of the alarm."""
    code: str
    origin: str
    """The device of the mail; for an alarm, the mailbox or the identity."""
    text: str
    """One sentence, for a person."""
    details: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True)
class Digest:
    """Many news, counted."""

    id: str
    at: datetime
    news: Sequence[News]

    @classmethod
    def of(cls, news: Sequence[News], *seed: str) -> "Digest":
        at = max(one.at for one in news)
        return cls(derived_id(at, "digest", *seed, *(one.id for one in news)), at, news)

    @property
    def codes(self) -> dict[str, int]:
        return _counted(one.code for one in self.news)

    @property
    def origins(self) -> dict[str, int]:
        return _counted(one.origin or "(unknown)" for one in self.news)

    @property
    def events(self) -> dict[str, int]:
        return _counted(one.event for one in self.news)

    @property
    def text(self) -> str:
        words = {"dead": "dead mails", "alarm": "alarms", "alarm-over": "alarms over"}
        counted = ", ".join(f"{count} {words[event]}" for event, count in self.events.items())
        first_code = next(iter(self.codes))
        return f"{counted}; most often {first_code}."


def derived_id(moment: datetime, *seed: str) -> str:
    """An id that is the same for the same `moment` and `seed`, in the form of a mail's id."""
    digest = hashlib.sha256("\n".join(seed).encode("utf-8", "replace")).hexdigest()
    return new_id(moment)[:10] + digest[:16].upper()


def _counted(values: Iterable[str]) -> dict[str, int]:
    return dict(Counter(values).most_common())
