"""Say what the door would do with a mail, and which rule makes it so. Pure.

The same checks in the same order as in a session; only what changes by the hour (rates, room in
the spool, limits on sign-ins) is left out.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from edge import policy, replies
from edge.entra.guest import Guest, known_at, login_of, speaking_for, welcome
from edge.paths import check_address
from edge.policy import Address, Refusal
from edge.settings import Device, EdgeSettings, Listener


@dataclass(frozen=True)
class Question:
    """A mail that somebody asks about."""

    peer: Address
    login: str | None
    """None when the client does not sign in; else it is taken to know the password."""
    reverse_path: str
    forward_path: str


@dataclass(frozen=True)
class Finding:
    """What one listener would do."""

    listener: Listener
    device: Device | None
    found_by: str
    """What the device is known by."""
    refusal: Refusal | None
    """None when the mail would be taken."""

    @property
    def is_by_own_right(self) -> bool:
        """The client's own credential sends the mail, and no identity of the function app."""
        return isinstance(self.device, Guest)

    def __str__(self) -> str:
        door = f"listener {self.listener.name} ({self.listener.address}): "
        who = f"device {self.device.name} ({self.found_by})" if self.device else "nobody known"
        if self.refusal is None:
            return f"{door}taken from {who}"
        reply = bytes(self.refusal.reply).decode("ascii").strip()
        return f"{door}refused, {who}\n  rule:  {self.refusal.rule}\n  reply: {reply}"


def explain(settings: EdgeSettings, question: Question, now: datetime) -> Iterator[Finding]:
    """What each listener of `settings` would do, in their order."""
    for listener in settings.listeners:
        yield _ask(settings, listener, question, now)


def _ask(settings: EdgeSettings, listener: Listener, question: Question, now: datetime) -> Finding:
    device, found_by, refusal = _find_device(settings, listener, question)
    client = policy.Client(
        address=question.peer,
        listener=listener,
        encrypted=listener.tls != "none",
        device=device,
        signed_in=question.login is not None and refusal is None,
    )
    refusal = refusal or policy.check_client(client)
    if refusal == policy.UNKNOWN and policy.is_learning(settings.learning, question.peer, now):
        refusal = Refusal("learning", replies.NOTED_STRANGER)
    if refusal is None and device is not None:
        refusal = _check_envelope(settings, device, question)
    return Finding(listener, device, found_by, refusal)


def _find_device(
    settings: EdgeSettings, listener: Listener, question: Question
) -> tuple[Device | None, str, Refusal | None]:
    if question.login is None:
        return known_at(settings, question.peer), f"at {question.peer}", None
    if listener.auth == "off":
        return None, "", Refusal("listeners[].auth", replies.NOT_OFFERED)
    device = policy.device_named(settings.devices, question.login)
    if device is None:
        return _find_guest(settings, question)
    if device.password_hash is None:
        return device, "by login", Refusal("devices[].password_hash", replies.BAD_CREDENTIALS)
    return device, "by login", None


def _find_guest(
    settings: EdgeSettings, question: Question
) -> tuple[Device | None, str, Refusal | None]:
    named = login_of(settings.entra, question.login or "")
    if named is None:
        return None, "", Refusal("devices[].name", replies.BAD_CREDENTIALS)
    guest = welcome(settings.entra, *named, password="")
    device = speaking_for(guest, question.reverse_path)
    refusal = None if device else Refusal("entra", replies.SENDER_REFUSED)
    return device or guest, "by login, if Microsoft Entra agrees", refusal


def _check_envelope(settings: EdgeSettings, device: Device, question: Question) -> Refusal | None:
    for address, needs_domain in ((question.reverse_path, False), (question.forward_path, True)):
        fault = check_address(address, smtputf8=True, needs_domain=needs_domain)
        if fault is not None and (address or needs_domain):
            return Refusal("address", fault)
    return policy.check_reverse_path(
        device, question.reverse_path, 0, settings.limits
    ) or policy.check_forward_path(
        device, question.forward_path, taken=0, fits_ticket=True, limits=settings.limits
    )
