"""When each device was seen last, since the edge started: for its heartbeat."""

from collections import Counter
from datetime import datetime
from typing import NamedTuple

from handoff.ticket import Client


class Sighting(NamedTuple):
    at: datetime
    mails: int
    address: str
    tls: str


_MOST = 10_000
"""Who signs in as an application or a user has a name too, and of those nobody knows how many."""


class Sightings:
    """By the name of the device."""

    def __init__(self) -> None:
        self._of: dict[str, Sighting] = {}
        self._limited: Counter[str] = Counter()

    def saw(self, device: str, client: Client, at: datetime) -> None:
        """Note that a mail of `device`, brought by `client`, was accepted."""
        before = self._of.get(device)
        if before is None and len(self._of) >= _MOST:
            self._of.clear()
        mails = before.mails + 1 if before else 1
        self._of[device] = Sighting(at, mails, client.address, client.tls)

    def limited(self, device: str) -> None:
        """Note that `device` was told to send less, or later."""
        if len(self._limited) >= _MOST and device not in self._limited:
            self._limited.clear()
        self._limited[device] += 1

    def limit_hits(self, device: str) -> int:
        return self._limited[device]

    def of(self, device: str) -> Sighting | None:
        return self._of.get(device)
