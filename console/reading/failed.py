"""Dead letters, grouped by what killed them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from console.remedies import Remedy, remedy_of
from handoff.dead_letters import DeadLetterLabel

UNKNOWN = "unknown"


@dataclass(frozen=True)
class Group:
    """Dead letters of one code."""

    code: str
    remedy: Remedy
    letters: Sequence[DeadLetterLabel]
    """Newest first."""

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(letter.id for letter in self.letters)

    @property
    def newest(self) -> datetime:
        return self.letters[0].kept_at

    @property
    def oldest(self) -> datetime:
        return self.letters[-1].kept_at

    @property
    def origins(self) -> Sequence[str]:
        return sorted(
            {letter.device or letter.mailbox or "(nobody known)" for letter in self.letters}
        )


def grouped(labels: Iterable[DeadLetterLabel]) -> list[Group]:
    """The largest group first. Pure."""
    by_code: dict[str, list[DeadLetterLabel]] = {}
    for label in labels:
        by_code.setdefault(label.code or UNKNOWN, []).append(label)
    groups = [
        Group(code, remedy_of(code), sorted(some, key=lambda one: one.kept_at, reverse=True))
        for code, some in by_code.items()
    ]
    return sorted(groups, key=lambda group: (-len(group.letters), group.code))
