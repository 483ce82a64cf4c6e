"""What a delivery works on and with."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from math import ceil

from function_app.doubt import WhenUnsure
from function_app.notices.alarms import Alarms
from function_app.outcome import Outcome
from function_app.pacing.turns import Pacing
from function_app.providers import Provider
from function_app.providers.guests import Guests
from handoff.ledger import Delivery, Ledger
from handoff.routing import Routes
from handoff.storage import Storage
from handoff.traces import Traces

LEASE = timedelta(minutes=6)
"""Longer than functionTimeout in host.json, after which the host ends a run, by the drift that
clocks may have."""


@dataclass(frozen=True)
class Message:
    """A queue message in the hands of the host."""

    id: str
    text: str
    pop_receipt: str
    dequeue_count: int
    inserted_at: datetime | None = None


@dataclass(frozen=True)
class Means:
    """Put together once a process, by the composition root."""

    storage: Storage
    provider_of: Callable[[str], Provider | None]
    """By the name of a sending identity."""
    guests: Guests
    """Who brought a credential of their own."""
    give_up_after: timedelta
    when_unsure: WhenUnsure
    pacing: Pacing
    now: Callable[[], datetime]
    jitter: Callable[[], float]
    lease: timedelta = LEASE
    routes: Routes = field(default_factory=Routes)
    traces: Traces | None = None

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.storage.deliveries)

    @cached_property
    def alarms(self) -> Alarms:
        return Alarms(self.storage, self.now)


@dataclass(frozen=True)
class Trial:
    """What came of one attempt to send."""

    outcome: Outcome
    row: Delivery
    """As it is in the ledger now."""
    message_id: str = ""
    seconds: float = 0.0
    ends: tuple[tuple[str, Outcome], ...] = ()
    """Each identity that was asked, and what came of it."""


def put_back(message: Message, storage: Storage, pause: timedelta) -> None:
    """Let the message return after `pause`, its text unchanged.

    The host then cannot delete it any more: its receipt is no longer the message's.
    """
    storage.outbound.update_message(
        message.id, message.pop_receipt, visibility_timeout=max(1, ceil(pause.total_seconds()))
    )
