"""Say what the door would do with a mail, and which rule makes it so. Pure.

The same checks in the same order as in a session; only what changes by the hour (rates, room in
the spool, limits on sign-ins) is left out.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from edge import policy, replies
from edge.entra.guest import Guest, known_at, login_of, speaking_for, welcome
from edge.paths import MailFrom, read_mail, read_recipient
from edge.policy import Address, Refusal
from edge.replies import Reply
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
        refusal = _check_stranger(question)
    elif refusal is None and device is not None:
        refusal = _check_envelope(settings, device, question)
    speaker = device and speaking_for(device, question.reverse_path)
    return Finding(listener, speaker or device, found_by, refusal)


def _find_device(
    settings: EdgeSettings, listener: Listener, question: Question
) -> tuple[Device | None, str, Refusal | None]:
    if question.login is None:
        return known_at(settings, question.peer), f"at {question.peer}", None
    if listener.auth == "off":
        return None, "", Refusal("listeners[].auth", replies.NOT_OFFERED)
    device = policy.device_named(settings.devices, question.login)
    if device is None:
        return _find_guest(settings, question.login)
    if device.password_hash is None:
        return device, "by login", Refusal("devices[].password_hash", replies.BAD_CREDENTIALS)
    return device, "by login", None


def _find_guest(settings: EdgeSettings, login: str) -> tuple[Device | None, str, Refusal | None]:
    named = login_of(settings.entra, login)
    if named is None:
        return None, "", Refusal("devices[].name", replies.BAD_CREDENTIALS)
    guest = welcome(settings.entra, *named, password="")
    return guest, "by login, if Microsoft Entra agrees", None


def _check_stranger(question: Question) -> Refusal:
    for read in (_read_reverse_path(question), _read_forward_path(question)):
        if isinstance(read, Reply):
            return Refusal("address", read)
    return Refusal("learning", replies.NOTED_STRANGER)


def _check_envelope(settings: EdgeSettings, device: Device, question: Question) -> Refusal | None:
    mail = _read_reverse_path(question)
    if isinstance(mail, Reply):
        return Refusal("address", mail)
    speaker = speaking_for(device, mail.reverse_path)
    if speaker is None:
        return Refusal("entra", replies.SENDER_REFUSED)
    refusal = policy.check_reverse_path(speaker, mail.reverse_path, 0, settings.limits)
    if refusal is not None:
        return refusal
    forward_path = _read_forward_path(question)
    if isinstance(forward_path, Reply):
        return Refusal("address", forward_path)
    return policy.check_forward_path(
        speaker, forward_path, taken=0, fits_ticket=True, limits=settings.limits
    )


def _read_reverse_path(question: Question) -> MailFrom | Reply:
    return read_mail(f"FROM:<{question.reverse_path}> SMTPUTF8")


def _read_forward_path(question: Question) -> str | Reply:
    return read_recipient(f"TO:<{question.forward_path}>", smtputf8=True)
