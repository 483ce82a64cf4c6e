"""When each device was seen last, since the edge started: for its heartbeat."""

from dataclasses import dataclass
from datetime import datetime

from handoff.ticket import Ticket


@dataclass(frozen=True)
class Sighting:
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

    def saw(self, ticket: Ticket) -> None:
        """Note that a mail of `ticket`'s device was accepted."""
        if len(self._of) >= _MOST and ticket.device not in self._of:
            self._of.clear()
        before, client = self._of.get(ticket.device), ticket.client
        self._of[ticket.device] = Sighting(
            at=ticket.received_at,
            mails=before.mails + 1 if before else 1,
            address=client.address if client else "",
            tls=client.tls if client else "",
        )

    def of(self, device: str) -> Sighting | None:
        return self._of.get(device)
