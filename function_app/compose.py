"""From a ticket and a mail's octets to what a provider gets. Pure.

Graph and Gmail know no envelope: they send to whom the header names. So the header is made to
name exactly the envelope: To and Cc keep what the envelope confirms, all others go into Bcc,
which the provider takes out again. A smarthost gets the envelope itself, and the header as it is.
Whatever need not change stays octet for octet.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime

from function_app.mime.addresses import Unwritable
from function_app.mime.author import ForeignAuthor, with_author
from function_app.mime.body import TELLS_RECIPIENTS, clean
from function_app.mime.fields import (
    LONGEST_HEADER,
    MOST_FIELDS,
    Field,
    HeaderTooLarge,
    a_field,
    as_all_read_it,
    first,
    folded,
    renamed,
    split,
)
from function_app.mime.recipients import each_once, with_recipients
from handoff.octets import Octets, pieces_of, with_crlf
from handoff.routing import shown_sender
from handoff.ticket import Ticket

_MOST_HOPS = 50  # RFC 5321 §6.3 asks for a limit; this is Postfix's
_SINGLE = frozenset({"from", "sender", "reply-to", "subject", "date", "message-id"})
_MESSAGE_ID = re.compile(rb"<[!-;=?-~]{1,900}+>")
_NO_NAME = re.compile(r"[^A-Za-z0-9._-]+")


class Uncomposable(Exception):
    """The mail can never be sent. `reason` is a sentence for an administrator."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


@dataclass(frozen=True)
class Form:
    """In what form a provider takes a letter."""

    header_is_envelope: bool = True
    """It sends to whom the header names, and takes Bcc out again."""
    spoils_quoted_printable: bool = False
    """Text in quoted-printable has to be in base64."""


FOR_GRAPH = Form(spoils_quoted_printable=True)


@dataclass(frozen=True)
class Letter:
    """One mail, ready for a provider."""

    id: str
    mailbox: str
    """Who sends it; from the device's settings, never from the mail."""
    forward_paths: tuple[str, ...]
    """Each once."""
    message_id: str
    """With angle brackets; the same at every attempt."""
    fields: tuple[Field, ...]
    """They name exactly `forward_paths`, if the header is the envelope."""
    body: Octets
    """Every line ends in CRLF."""
    signed: bool = False
    """Signed or encrypted (S/MIME, PGP): it must not be taken apart."""
    reverse_path: str = ""
    """Who hears of what becomes of it, where the provider knows an envelope; "" for nobody."""

    @property
    def size(self) -> int:
        """Octets of the whole mail."""
        return sum(len(field.raw) for field in self.fields) + len(b"\r\n") + len(self.body)

    def mime(self) -> bytes:
        """The whole mail, for those that are small."""
        return b"".join(self.pieces())

    def pieces(self) -> Iterator[bytes]:
        """The whole mail, of which one piece at a time is in memory."""
        yield b"".join([*(field.raw for field in self.fields), b"\r\n"])
        yield from pieces_of(self.body)


def compose(
    ticket: Ticket,
    octets: Octets,
    now: datetime,
    form: Form = FOR_GRAPH,
    forward_paths: tuple[str, ...] | None = None,
) -> Letter:
    """Make the letter of `ticket`, for all its forward paths or for some of them.

    Raises Uncomposable, and nothing else.
    """
    fields, body = _read(octets)
    everybody = each_once(ticket.envelope.forward_paths)
    recipients = everybody if forward_paths is None else each_once(forward_paths)
    fields = [as_all_read_it(field) for field in _without_twins(fields)]
    fields = _addressed(fields, ticket, recipients, form)
    content = clean(fields, body, everybody, recode=form.spoils_quoted_printable)
    # An edge whose clock runs ahead must not date mail into the future.
    moment = min(ticket.received_at, now).astimezone(UTC)
    fields, message_id = _with_what_is_missing(content.fields, ticket, moment)
    return Letter(
        id=ticket.id,
        mailbox=ticket.send_as.mailbox,
        forward_paths=recipients,
        message_id=message_id,
        fields=(_received(ticket, moment), *map(folded, fields)),
        body=content.body,
        signed=content.is_signed,
        reverse_path=shown_sender(
            ticket.send_as.mailbox, ticket.envelope.reverse_path, ticket.send_as.from_policy
        ),
    )


def _read(octets: Octets) -> tuple[list[Field], Octets]:
    try:
        # In a file the lines end in CRLF already.
        fields, body = split(with_crlf(octets) if isinstance(octets, bytes) else octets)
    except HeaderTooLarge as fault:
        raise Uncomposable(
            "header-too-large",
            f"The header of the mail has more than {MOST_FIELDS:,} fields or "
            f"{LONGEST_HEADER:,} octets: look at the device.",
        ) from fault
    hops = sum(field.name == "received" for field in fields)
    if hops > _MOST_HOPS:
        raise Uncomposable("loop", f"The mail has passed {hops} servers: it goes round in circles.")
    return fields, body


def _without_twins(fields: list[Field]) -> list[Field]:
    """Of fields that may stand once (RFC 5322 §3.6), the first counts.

    Exchange refuses some twins, and readers differ in which one they show; so the others stay
    under another name.
    """
    seen: set[str] = set()
    kept = []
    for field in fields:
        is_twin = field.name in _SINGLE and field.name in seen
        kept.append(renamed(field, f"X-Original-{field.name.title()}") if is_twin else field)
        seen.add(field.name)
    return kept


def _addressed(
    fields: list[Field], ticket: Ticket, recipients: tuple[str, ...], form: Form
) -> list[Field]:
    mailbox = ticket.send_as.mailbox
    try:
        fields = with_author(fields, mailbox, ticket.send_as.from_policy)
        if not form.header_is_envelope:
            return [field for field in fields if field.name not in TELLS_RECIPIENTS]
        return with_recipients(fields, recipients)
    except ForeignAuthor as fault:
        raise Uncomposable(
            "from-not-allowed",
            f"From is {_shown(fault.addresses)}, but this device may only send as {mailbox}. "
            "Set its sender address, or from_policy of the device.",
        ) from fault
    except Unwritable as fault:
        raise Uncomposable(
            "bad-address", f"The address {_shown([str(fault)])} cannot stand in a mail's header."
        ) from fault


def _shown(addresses: list[str]) -> str:
    text = ", ".join(addresses[:3]) + (", ..." if len(addresses) > 3 else "")
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _with_what_is_missing(
    fields: list[Field], ticket: Ticket, moment: datetime
) -> tuple[list[Field], str]:
    supplied = []
    date = first(fields, "date")
    if date is None or not date.value:
        fields = [field for field in fields if field is not date]
        supplied.append(a_field("Date", format_datetime(moment)))
    if first(fields, "subject") is None:
        supplied.append(a_field("Subject", "(no subject)"))
    field = first(fields, "message-id")
    found = _MESSAGE_ID.search(field.value) if field else None
    if found is None:
        fields = [renamed(f, "X-Original-Message-ID") if f is field else f for f in fields]
        message_id = _message_id(ticket)
        supplied.append(a_field("Message-ID", message_id))
    else:
        message_id = found[0].decode("ascii")
    has_content = any(field.name.startswith("content-") for field in fields)
    if has_content and first(fields, "mime-version") is None:
        supplied.append(a_field("MIME-Version", "1.0"))
    return [*fields, *supplied], message_id


def _message_id(ticket: Ticket) -> str:
    """Made of what stays the same at every attempt."""
    return f"<{ticket.id}@{_named(ticket.send_as.mailbox.rpartition('@')[2], 'relay')}>"


def _received(ticket: Ticket, moment: datetime) -> Field:
    where = f"from {_named(ticket.device, 'unknown')} by {_named(ticket.site, 'relay')}"
    return a_field("Received", f"{where} with SMTP id {ticket.id}; {format_datetime(moment)}")


def _named(text: str, otherwise: str) -> str:
    """`text` as a word that can stand for a host in a header."""
    return _NO_NAME.sub("-", text).strip("-.") or otherwise
