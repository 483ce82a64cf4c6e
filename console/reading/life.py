"""The life of one mail, station by station, in plain words."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.errors import HeaderParseError
from email.parser import BytesParser
from email.policy import compat32

from console.remedies import Remedy, remedy_of
from console.words import plural, size_of
from handoff.dead_letters import DeadLetters
from handoff.delivery import Attempt, Delivery, State
from handoff.ids import is_id, request_id_of
from handoff.ledger import Ledger
from handoff.storage import Storage

_HEADER_OCTETS = 64 * 1024


@dataclass(frozen=True)
class Station:
    """Something that happened to the mail, or is going to."""

    at: datetime
    name: str
    text: str
    code: str = ""


@dataclass(frozen=True)
class Life:
    """All that is known about a mail."""

    mail: Delivery
    stations: Sequence[Station]
    remedy: Remedy | None
    """What to do about its last fault; None when nothing is wrong."""
    has_dead_letter: bool

    @property
    def client_request_id(self) -> str:
        """The mail's id as Microsoft Graph and its support know it."""
        return str(request_id_of(self.mail.id))

    @property
    def sentence(self) -> str:
        """How it stands with the mail."""
        mail = self.mail
        match mail.state:
            case State.SENT:
                took = (mail.ended_at - mail.received_at).total_seconds() if mail.ended_at else 0
                return f"Sent: {mail.provider} took it {took:.1f} s after the 250."
            case State.DEAD:
                return f"Dead ({mail.code}): kept until somebody redrives or discards it."
            case State.DEFERRED:
                return f"Waiting ({mail.code}): it is tried again by itself."
            case State.DISCARDED:
                return "Discarded by an operator."
            case State.SENDING:
                return "Being sent right now."


def read_life(storage: Storage, mail_id: str) -> Life | None:
    """None when the ledger does not know the mail."""
    if not is_id(mail_id):
        return None
    mail = Ledger(storage.deliveries).find(mail_id)
    if mail is None:
        return None
    has_letter = mail.state is State.DEAD and DeadLetters(storage.dead_letters).has(mail_id)
    needs_remedy = mail.state in (State.DEAD, State.DEFERRED)
    return Life(
        mail, list(_stations(mail)), remedy_of(mail.code) if needs_remedy else None, has_letter
    )


def read_header(storage: Storage, mail_id: str) -> list[tuple[str, str]]:
    """The header fields of a dead letter, as far as it is kept; empty when it is not."""
    letter = DeadLetters(storage.dead_letters)
    pieces = letter.pieces_of(mail_id)
    first = next(pieces, b"")[:_HEADER_OCTETS] if pieces else b""
    try:
        found = BytesParser(policy=compat32).parsebytes(first, headersonly=True).items()
    except (HeaderParseError, ValueError):
        return []
    return [(name, " ".join(str(value).split())) for name, value in found]


def _stations(mail: Delivery) -> Iterator[Station]:
    yield Station(mail.received_at, "accepted", _acceptance(mail))
    if mail.queued_at is not None and not mail.generation:
        # The queue tells whole seconds.
        at = max(mail.queued_at, mail.received_at)
        yield Station(at, "queued", "The edge put its ticket into the queue.")
    first = max(1, mail.attempts - len(mail.history) + (mail.state is not State.SENDING))
    for number, attempt in enumerate(mail.history, first):
        yield from _attempt(number, attempt, mail)
    if mail.state is State.SENDING:
        text = f"Attempt {mail.attempts} began; it has until {mail.lease_until:%H:%M:%S} UTC."
        yield Station(mail.claimed_at, "sending", text)
    if mail.state is State.DEFERRED and mail.next_attempt_at is not None:
        yield Station(mail.next_attempt_at, "next", "The next attempt, not before this.")


def _acceptance(mail: Delivery) -> str:
    parts = [f"250 said to {mail.device or 'nobody known'}"]
    if mail.client is not None:
        known_by = "login" if mail.client.signed_in else "network"
        rule = f" ({mail.client.rule})" if mail.client.rule else ""
        parts.append(f"known by its {known_by}{rule}, from {mail.client.address}")
        parts.append(f"listener {mail.client.listener}, {mail.client.tls or 'no TLS'}")
    if mail.site:
        parts.append(f"site {mail.site}")
    parts.append(f"{plural(mail.recipient_count, 'recipient')}, {size_of(mail.size)}")
    return "; ".join(parts) + "."


def _attempt(number: int, attempt: Attempt, mail: Delivery) -> Iterator[Station]:
    by_operator = attempt.code in ("redriven", "discarded")
    if attempt.began is not None and not by_operator:
        yield Station(attempt.began, "picked up", f"Attempt {number} began.")
    text = attempt.reason
    if attempt.request_id:
        text += f" Request id {attempt.request_id}."
    if attempt.state is State.SENT:
        text = (
            f"{mail.provider} took it for {mail.mailbox}; request id {mail.request_id or 'none'}."
        )
    name = attempt.code if by_operator else attempt.state.value
    yield Station(attempt.at, name, text, "" if by_operator else attempt.code)
