"""From a ticket and a mail's octets to what a provider gets. Pure.

Graph and Gmail know no envelope: they send to whom the header names. So the header is made to
name exactly the envelope: To and Cc keep what the envelope confirms, all others go into Bcc,
which the provider takes out again. Whatever need not change stays octet for octet.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime

from function_app.mime.addresses import (
    Mailbox,
    has_only_mailboxes,
    normal,
    read_mailboxes,
    same_address,
)
from function_app.mime.fields import Field, a_field, a_list_field, join, split, with_crlf
from handoff.ticket import Ticket

_MOST_HOPS = 50  # RFC 5321 §6.3 asks for a limit; this is Postfix's
_TELLS_RECIPIENTS = frozenset(
    {"bcc", "resent-bcc", "x-receiver", "x-rcpt-to", "x-envelope-to", "envelope-to"}
)
_SINGLE = frozenset({"from", "sender", "reply-to", "subject", "date", "message-id"})
_MESSAGE_ID = re.compile(rb"<[^<>\s]+>")


class Uncomposable(Exception):
    """The mail can never be sent. `reason` is a sentence for an administrator."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


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
    mime: bytes
    """Its header names exactly `forward_paths`."""


def compose(ticket: Ticket, octets: bytes, now: datetime) -> Letter:
    """Make the letter of `ticket`. Raises Uncomposable."""
    fields, body = split(with_crlf(octets))
    _check_hops(fields)
    recipients = _each_once(ticket.envelope.forward_paths)
    fields = _without_twins(fields)
    fields = _from(fields, ticket)
    fields = _to(fields, recipients)
    fields, message_id = _with_what_is_missing(fields, ticket)
    fields = [_received(ticket, now), *fields]
    return Letter(
        id=ticket.id,
        mailbox=ticket.send_as.mailbox,
        forward_paths=recipients,
        message_id=message_id,
        mime=join(fields, body),
    )


def _check_hops(fields: list[Field]) -> None:
    hops = sum(field.name == "received" for field in fields)
    if hops > _MOST_HOPS:
        raise Uncomposable("loop", f"The mail has passed {hops} servers: it goes round in circles.")


def _each_once(forward_paths: tuple[str, ...]) -> tuple[str, ...]:
    return tuple({normal(path): path for path in reversed(forward_paths)}.values())[::-1]


def _without_twins(fields: list[Field]) -> list[Field]:
    """Of fields that may stand once (RFC 5322 §3.6), the first."""
    seen: set[str] = set()
    kept = []
    for field in fields:
        if field.name in _SINGLE and field.name in seen:
            continue
        seen.add(field.name)
        kept.append(field)
    return kept


def _from(fields: list[Field], ticket: Ticket) -> list[Field]:
    """Apply the device's from_policy."""
    mailbox = ticket.send_as.mailbox
    field = _first(fields, "from")
    authors = read_mailboxes(field.value) if field else []
    is_ours = len(authors) == 1 and same_address(authors[0].address, mailbox)
    policy = ticket.send_as.from_policy
    if field is not None and authors and not is_ours:
        if policy == "reject":
            named = ", ".join(author.address for author in authors)
            raise Uncomposable(
                "from-not-allowed",
                f"From is {named}, but this device may only send as {mailbox}.",
            )
        if policy == "keep" and len(authors) == 1:
            return _replaced(fields, "from", _safe_from(field, authors[0], authors[0].address))
        if policy == "keep":
            author = next((a for a in authors if same_address(a.address, mailbox)), authors[0])
            return _replaced(fields, "from", a_field("From", _spelled(author, author.address)))
    if is_ours and field is not None:
        return _replaced(fields, "from", _safe_from(field, authors[0], authors[0].address))
    return _rewritten(fields, field, authors, mailbox)


def _rewritten(
    fields: list[Field], field: Field | None, authors: list[Mailbox], mailbox: str
) -> list[Field]:
    """From becomes the mailbox; who stood there becomes Reply-To unless there is one."""
    ours = a_field("From", _spelled(authors[0], mailbox) if authors else mailbox)
    if field is None:
        return [ours, *fields]
    fields = [other for other in _replaced(fields, "from", ours) if other.name != "sender"]
    if authors and _first(fields, "reply-to") is None:
        at = fields.index(ours) + 1
        fields.insert(at, a_list_field("Reply-To", [author.raw for author in authors]))
    elif not authors and field.value:
        fields.append(Field("x-original-from", b"X-Original-From:" + field.raw.partition(b":")[2]))
    return fields


def _safe_from(field: Field, author: Mailbox, address: str) -> Field:
    # Exchange takes a display name with an @ for another sender, and answers ErrorSendAsDenied.
    return a_field("From", address) if b"@" in author.display_name else field


def _spelled(author: Mailbox, address: str) -> bytes:
    name = author.display_name
    octets = address.encode("utf-8", "surrogateescape")
    return octets if not name or b"@" in name else name + b" <" + octets + b">"


def _to(fields: list[Field], recipients: tuple[str, ...]) -> list[Field]:
    """Have the header name exactly `recipients`."""
    unnamed = {normal(path): path for path in recipients}
    confirmed = frozenset(unnamed)
    kept: list[Field] = []
    for field in fields:
        if field.name in _TELLS_RECIPIENTS:
            continue
        if field.name not in ("to", "cc"):
            kept.append(field)
            continue
        named = read_mailboxes(field.value)
        right = [mailbox for mailbox in named if normal(mailbox.address) in unnamed]
        for mailbox in right:
            unnamed.pop(normal(mailbox.address), None)
        if right and len(right) == len(named) and has_only_mailboxes(field.value):
            kept.append(field)
        elif right:
            kept.append(a_list_field(field.name.capitalize(), _once(right)))
    assert confirmed.issuperset(unnamed)
    if unnamed:
        octets = [path.encode("utf-8", "surrogateescape") for path in unnamed.values()]
        kept.append(a_list_field("Bcc", octets))
    return kept


def _once(mailboxes: list[Mailbox]) -> list[bytes]:
    return list({normal(mailbox.address): mailbox.raw for mailbox in mailboxes}.values())


def _with_what_is_missing(fields: list[Field], ticket: Ticket) -> tuple[list[Field], str]:
    supplied = []
    if _first(fields, "date") is None:
        supplied.append(a_field("Date", format_datetime(ticket.received_at)))
    if _first(fields, "subject") is None:
        supplied.append(a_field("Subject", "(no subject)"))
    found = _MESSAGE_ID.search(field.value) if (field := _first(fields, "message-id")) else None
    if found is None:
        fields = [field for field in fields if field.name != "message-id"]
        domain = ticket.send_as.mailbox.rpartition("@")[2]
        message_id = f"<{ticket.id}@{domain}>"
        supplied.append(a_field("Message-ID", message_id))
    else:
        message_id = found[0].decode("ascii", "replace")
    if _first(fields, "mime-version") is None and any(
        field.name.startswith("content-") for field in fields
    ):
        supplied.append(a_field("MIME-Version", "1.0"))
    return [*fields, *supplied], message_id


def _received(ticket: Ticket, now: datetime) -> Field:
    where = f"by {ticket.site or 'relay'} with ESMTP id {ticket.id}"
    return a_field("Received", f"{where}; {format_datetime(ticket.received_at)}")


def _first(fields: list[Field], name: str) -> Field | None:
    return next((field for field in fields if field.name == name), None)


def _replaced(fields: list[Field], name: str, replacement: Field) -> list[Field]:
    return [replacement if field.name == name else field for field in fields]
