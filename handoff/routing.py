"""Which identity sends a mail, and to whom each of them sends it. Pure.

The first route that fits a recipient decides; else the identity that the ticket names. So the
recipients of one mail may go several ways, and each of them goes one: a leg is an identity and
its recipients, and no recipient stands in two.

The function app sends by it, and the operator's side explains it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Self

from handoff.ticket import Ticket


@dataclass(frozen=True)
class Route:
    """Whoever fits all that it names goes by `identity`. An empty tuple fits everybody."""

    name: str
    identity: str
    devices: tuple[str, ...] = ()
    sender_domains: tuple[str, ...] = ()
    recipient_domains: tuple[str, ...] = ()

    def fits(self, device: str, sender: str, recipient: str) -> bool:
        return (
            _fits(self.devices, device)
            and _fits(self.sender_domains, _domain_of(sender))
            and _fits(self.recipient_domains, _domain_of(recipient))
        )


@dataclass(frozen=True)
class Fallback:
    """Who sends instead, and how long the first has time."""

    identity: str
    after: timedelta


@dataclass(frozen=True)
class Choice:
    """Who sends to one recipient, and why."""

    identity: str
    route: str
    """The name of the route; "" when the ticket decides."""


@dataclass(frozen=True)
class Sender:
    """What routes look at, besides the recipient."""

    device: str
    address: str
    """As the recipient will see it."""
    identity: str

    @classmethod
    def of(
        cls, device: str, mailbox: str, reverse_path: str, from_policy: str, identity: str
    ) -> Self:
        address = shown_sender(mailbox, reverse_path, from_policy) or mailbox
        return cls(device, address, identity.lower())


def shown_sender(mailbox: str, reverse_path: str, from_policy: str) -> str:
    """Whom the envelope names as sender: the mailbox, unless the device may speak for itself.

    What has none keeps none: a report on it could come back for ever (RFC 5321 §6.1).
    """
    return reverse_path if not reverse_path or from_policy == "keep" else mailbox


@dataclass(frozen=True)
class Leg:
    """Some recipients of a mail, and the identity that sends to them."""

    identity: str
    forward_paths: tuple[str, ...]


@dataclass(frozen=True)
class Past:
    """What counts of what happened to a mail before."""

    age: timedelta = timedelta(0)
    has_waited: bool = False
    """It has come back from the queue at least once."""
    may_change: bool = True
    """No attempt is known that may have sent it already: that one's identity has to go on."""
    fell_back: bool = False
    """In the attempt before."""


@dataclass(frozen=True)
class Routes:
    """All of them, in their order, and the fallbacks by the identity that they stand in for."""

    routes: tuple[Route, ...] = ()
    fallbacks: Mapping[str, Fallback] = field(default_factory=dict)

    @property
    def are_simple(self) -> bool:
        """Whether the ticket alone says it all."""
        return not self.routes and not self.fallbacks

    def choice(self, ticket: Ticket, recipient: str) -> Choice:
        """Without regard to fallbacks."""
        send_as = ticket.send_as
        if send_as.sealed is not None:  # a client's own right opens no other way
            return Choice(send_as.identity.lower(), "")
        sender = Sender.of(
            ticket.device,
            send_as.mailbox,
            ticket.envelope.reverse_path,
            send_as.from_policy,
            send_as.identity,
        )
        return self.choose(sender, recipient)

    def choose(self, sender: Sender, recipient: str) -> Choice:
        for route in self.routes:
            if route.fits(sender.device, sender.address, recipient):
                return Choice(route.identity, route.name)
        return Choice(sender.identity, "")

    def legs(self, ticket: Ticket, forward_paths: tuple[str, ...], past: Past) -> tuple[Leg, ...]:
        """How `forward_paths`, of which each stands there once, are to go now."""
        if self.are_simple:
            return (Leg(ticket.send_as.identity.lower(), forward_paths),) if forward_paths else ()
        by_identity: dict[str, list[str]] = {}
        is_by_own_right = ticket.send_as.sealed is not None
        for path in forward_paths:
            identity = self.choice(ticket, path).identity
            identity = identity if is_by_own_right else self._now(identity, past)
            by_identity.setdefault(identity, []).append(path)
        return tuple(Leg(identity, tuple(paths)) for identity, paths in by_identity.items())

    def falls_back(self, identity: str, past: Past) -> bool:
        """Whether somebody else is to send for `identity` now. After that they take turns."""
        fallback = self.fallbacks.get(identity)
        is_due = fallback is not None and past.age >= fallback.after and past.has_waited
        return is_due and past.may_change and not past.fell_back

    def _now(self, identity: str, past: Past) -> str:
        return self.fallbacks[identity].identity if self.falls_back(identity, past) else identity


def _fits(patterns: tuple[str, ...], text: str) -> bool:
    return not patterns or any(fnmatchcase(text.casefold(), pattern) for pattern in patterns)


def _domain_of(address: str) -> str:
    return address.rpartition("@")[2]
