"""Who would send and is not known: as the edge here has noted it, one line an address."""

from collections.abc import Sequence
from dataclasses import dataclass

from console.adoption import strangers_of
from console.place import Beside
from edge.settings_file import SettingsError
from edge.strangers import Stranger


@dataclass(frozen=True)
class Unknown:
    """Everything noted of one address."""

    address: str
    hellos: Sequence[str]
    reverse_paths: Sequence[str]
    domains: Sequence[str]
    listeners: Sequence[str]

    @property
    def likely_mailbox(self) -> str:
        """What it sends from, unless that is nobody."""
        return next((path for path in self.reverse_paths if "@" in path), "")


def by_address(strangers: Sequence[Stranger]) -> list[Unknown]:
    """One for each address. Pure."""
    found: dict[str, list[Stranger]] = {}
    for stranger in strangers:
        found.setdefault(stranger.address, []).append(stranger)
    return [
        Unknown(
            address,
            sorted({one.hello for one in some if one.hello}),
            sorted({one.reverse_path or "<>" for one in some}),
            sorted({domain for one in some for domain in one.domains}),
            sorted({one.listener for one in some}),
        )
        for address, some in found.items()
    ]


def strangers_beside(beside: Beside) -> list[Unknown]:
    """Of the edge here; none where there is no edge, or its settings do not hold."""
    try:
        settings = beside.settings()
    except SettingsError:
        return []
    return by_address(strangers_of(settings)) if settings else []
