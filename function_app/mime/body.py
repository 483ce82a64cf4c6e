"""Change in a body what must change, and nothing else. Pure.

Two things: who got a blind copy goes out of the headers of the parts, since the provider takes
Bcc out of the mail's own header only; and text in quoted-printable becomes base64, since Graph
has been seen to decode quoted-printable wrongly. Neither is done under a signature or an
encryption, and the second not in a body that does not lie in memory: Graph takes none as MIME.

An attached message (message/rfc822) is the sender's own content. It stays as it is, except for
fields that name a recipient of this very mail as one of its blind copies.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from function_app.mime.addresses import normal, read_addresses
from function_app.mime.encoded import quoted_printable_to_base64
from function_app.mime.fields import Field, a_field, first, replaced
from function_app.mime.parts import Part, walk
from function_app.mime.splice import Section, Splice, find
from handoff.octets import Octets

TELLS_RECIPIENTS = frozenset(
    {
        "bcc",
        "resent-bcc",
        "apparently-to",
        "envelope-to",
        "x-envelope-to",
        "x-rcpt-to",
        "x-receiver",
    }
)
"""Fields that say who got the mail, or gets it unseen."""
_ENCODING = "content-transfer-encoding"
_IN_BASE64 = a_field("Content-Transfer-Encoding", "base64")
_MOST_TO_READ = 64 * 1024
_INLINE_PGP = b"-----BEGIN PGP "


@dataclass(frozen=True)
class Content:
    """A mail's header and body."""

    fields: list[Field]
    body: Octets
    is_signed: bool
    """Whether a part, outside attached messages, is signed or encrypted."""


@dataclass(frozen=True, slots=True)
class _Change:
    start: int
    end: int
    octets: bytes


def clean(
    fields: list[Field], body: Octets, recipients: tuple[str, ...], *, recode: bool = True
) -> Content:
    """Make the body fit to be sent to `recipients`; `recode` is for Graph."""
    mail, *inner = parts = walk(fields, body)
    changes = list(_changes_of_headers(inner, frozenset(map(normal, recipients))))
    # A DKIM signature holds a hash of the encoded body.
    if recode and isinstance(body, bytes) and first(fields, "dkim-signature") is None:
        for part in filter(_is_quoted_printable_text, parts):
            changes.extend(_into_base64(part, body))
            if part is mail:
                fields = replaced(fields, _ENCODING, _IN_BASE64)
    is_signed = any(_is_secure(part, body) for part in parts if not part.is_attached)
    return Content(fields, _changed(body, changes), is_signed)


def _changes_of_headers(parts: list[Part], recipients: frozenset[str]) -> Iterator[_Change]:
    """Fields of parts that tell recipients go."""
    left = _MOST_TO_READ
    for part in parts:
        for start, field in _with_places(part):
            if field.name not in TELLS_RECIPIENTS:
                continue
            if part.is_attached:
                left -= len(field.raw)
            # What is too long to be read goes unread: better than to tell a recipient.
            if not part.is_attached or left < 0 or _names_one_of(recipients, field):
                yield _Change(start, start + len(field.raw), b"")


def _names_one_of(recipients: frozenset[str], field: Field) -> bool:
    found = read_addresses(field.value).mailboxes
    return any(normal(mailbox.address) in recipients for mailbox in found)


def _is_quoted_printable_text(part: Part) -> bool:
    is_text = part.media.type.startswith("text/") and part.media.encoding == "quoted-printable"
    return part.is_leaf and is_text and not part.is_attached


def _into_base64(part: Part, body: bytes) -> Iterator[_Change]:
    octets = quoted_printable_to_base64(body[part.content : part.end])
    yield _Change(part.content, part.end, octets)
    if part.start < part.content:
        for start, field in _with_places(part):
            if field.name == _ENCODING:
                yield _Change(start, start + len(field.raw), _IN_BASE64.raw)


def _with_places(part: Part) -> Iterator[tuple[int, Field]]:
    start = part.start
    for field in part.fields:
        yield start, field
        start += len(field.raw)


def _is_secure(part: Part, body: Octets) -> bool:
    if part.media.is_secure:
        return True
    if not (part.is_leaf and part.media.type.startswith("text/")):
        return False
    at = find(body, _INLINE_PGP, part.content, part.end)
    return at == part.content or (at > 0 and body[at - 2 : at] == b"\r\n")


def _changed(body: Octets, changes: list[_Change]) -> Octets:
    if not changes:
        return body
    sections, position = [], 0
    for change in sorted(changes, key=lambda change: change.start):
        sections.append(Section(body, position, change.start))
        sections.append(Section(change.octets, 0, len(change.octets)))
        position = change.end
    whole = Splice([*sections, Section(body, position, len(body))])
    return whole[:] if isinstance(body, bytes) else whole
