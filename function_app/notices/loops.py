"""Who may be told of a dead mail, so that no notice ever leads to another. Pure.

Two rules make a loop impossible. A notice of ours that dies is told to nobody by mail. And a
sender hears nothing when the mail was sent by a program that would answer, or that sends on behalf
of many (RFC 3834 §2, RFC 5321 §4.5.5): its reverse-path is null, its header says so, or its
address is that of a mail system.
"""

import re

from function_app.mime.addresses import is_writable, normal
from function_app.mime.fields import Field
from handoff.names import OWN_DEVICE
from handoff.ticket import Envelope, Ticket

_SYSTEM = re.compile(
    r"""
    mail(er)?-?daemon | postmaster | listserv | majordomo | uucp
    | bounces? | bounces?[+=-].* | .*-bounces?([+=-].*)?
    | owner-.* | .*-owner | .*-request
    """,
    re.VERBOSE,
)
_COMMENT = re.compile(rb"\([^()]*+\)")
_NOT_AUTOMATIC = re.compile(rb"\s*no\s*(;.*)?", re.IGNORECASE | re.DOTALL)
_BULK = frozenset({b"bulk", b"list", b"junk"})


def is_own(ticket: Ticket) -> bool:
    """Whether the mail is a notice of the relay itself."""
    return (ticket.device, ticket.site, ticket.envelope.reverse_path) == (OWN_DEVICE, "", "")


def may_hear(envelope: Envelope, domains: frozenset[str]) -> bool:
    """Whether the envelope allows that the sender is told, who must be in one of `domains`."""
    path = envelope.reverse_path
    local_part, _, domain = normal(path).rpartition("@")
    return domain in domains and not _SYSTEM.fullmatch(local_part) and is_writable(path)


def is_automatic(fields: list[Field]) -> bool:
    """Whether the header says that no automatic answer is wanted."""
    return any(map(_says_so, fields))


def _says_so(field: Field) -> bool:
    if field.name == "auto-submitted":
        return not _NOT_AUTOMATIC.fullmatch(_COMMENT.sub(b"", field.value))
    if field.name == "precedence":
        return field.value.strip().lower() in _BULK
    return field.name.startswith("list-")
