"""What all sessions of one listener share."""

import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from edge.credentials import PasswordCheck
from edge.entra.check import EntraCheck
from edge.listener.outgoing import Outgoing
from edge.listener.quotas import Allowances, Crowd
from edge.listener.tries import Tries
from edge.listener.wire import Wire
from edge.metrics import Metrics
from edge.settings import EdgeSettings, Limits, Listener
from edge.sightings import Sightings
from edge.spool import Spool
from edge.strangers import StrangerBook
from handoff.traces import Traces


@dataclass
class Reception:
    """The parts that a session needs. `settings` is exchanged on a reload."""

    listener: Listener
    settings: EdgeSettings
    tls: ssl.SSLContext | None
    spool: Spool
    passwords: PasswordCheck
    entra: EntraCheck
    metrics: Metrics
    crowd: Crowd
    allowances: Allowances
    tries: Tries
    strangers: StrangerBook
    now: Callable[[], datetime]
    connections: set[Wire] = field(default_factory=set)
    sightings: Sightings = field(default_factory=Sightings)
    outgoing: Outgoing = field(default_factory=Outgoing)
    is_closing: bool = False
    traces: Traces | None = None

    def __post_init__(self) -> None:
        self.accepted = self.metrics.mails.labels(self.listener.name, "accepted")
        self.let_in = self.metrics.connections.labels(self.listener.name, "taken")
        self.turned_away = self.metrics.connections.labels(self.listener.name, "refused")

    @property
    def limits(self) -> Limits:
        return self.settings.limits
