"""Find the addresses in a From, To or Cc field, each with the octets that it stands in. Pure.

Groups, comments, quoted commas and angle brackets as in RFC 5322 §3.4, read in one pass. What
cannot be read yields no address: the caller then treats it as not confirmed.
"""

import re
from contextlib import suppress
from dataclasses import dataclass

_TOKEN = re.compile(
    rb"""
    "(?:[^"\\]|\\.)*+"?      # quoted string
    | <[^<>]*>?             # angle address
    | [(),:;]               # what matters here on its own
    | [^"<(),:;]+           # anything else
    """,
    re.VERBOSE | re.DOTALL,
)
_SOURCE_ROUTE = re.compile(rb"\s*@[^:]*:")
_LONGEST_FIELD = 1024 * 1024


@dataclass(frozen=True)
class Mailbox:
    """One entry of an address list."""

    raw: bytes
    """As it stands in the field: display name, comments, brackets."""
    address: str
    """The bare address."""
    display_name: bytes
    """As it stands in the field, without the address; b"" when there is none."""


def read_mailboxes(value: bytes) -> list[Mailbox]:
    """The mailboxes of an unfolded field value, group members among them."""
    if len(value) > _LONGEST_FIELD:
        return []
    found = []
    for entry in _entries(value):
        mailbox = _mailbox(entry)
        if mailbox is not None:
            found.append(mailbox)
    return found


def has_only_mailboxes(value: bytes) -> bool:
    """Whether `value` is a list of mailboxes that were all read: no group, nothing left over."""
    if len(value) > _LONGEST_FIELD:
        return False
    entries = _entries(value)
    return bool(entries) and all(_mailbox(entry) is not None for entry in entries)


def same_address(one: str, other: str) -> bool:
    return normal(one) == normal(other)


def normal(address: str) -> str:
    """The form in which two spellings of one mailbox are equal: case, and IDN as A-label."""
    local_part, at, domain = address.strip().rpartition("@")
    domain = domain.rstrip(".")
    if not domain.isascii():
        with suppress(UnicodeError):
            domain = domain.encode("idna").decode("ascii")
    return f"{local_part}{at}{domain}".casefold()


@dataclass(frozen=True)
class _Token:
    octets: bytes
    is_comment: bool = False


def _entries(value: bytes) -> list[list[_Token]]:
    """The list split at its commas, and at the marks of groups, which are left out."""
    entries: list[list[_Token]] = []
    entry: list[_Token] = []
    depth = 0
    in_group = False
    for found in _TOKEN.finditer(value):
        token = found[0]
        if token == b"(":
            depth += 1
        if depth:
            entry.append(_Token(token, is_comment=True))
            depth -= token == b")"
        elif token == b"," or (token == b";" and in_group):
            in_group = in_group and token == b","
            entries.append(entry)
            entry = []
        elif token == b":" and not in_group:
            in_group = True  # what stood before it is the name of the group
            entry = []
        else:
            entry.append(_Token(token))
    entries.append(entry)
    return [entry for entry in entries if any(token.octets.strip() for token in entry)]


def _mailbox(entry: list[_Token]) -> Mailbox | None:
    raw = b"".join(token.octets for token in entry).strip()
    spoken = [token.octets for token in entry if not token.is_comment]
    angles = [octets for octets in spoken if octets.startswith(b"<")]
    if len(angles) > 1:
        return None
    if angles:
        address = _SOURCE_ROUTE.sub(b"", angles[0].strip(b"<>"), count=1)
        display_name = b"".join(octets for octets in spoken if octets is not angles[0]).strip()
    else:
        address, display_name = b"".join(spoken), b""
    text = address.strip().decode("utf-8", "surrogateescape")
    return Mailbox(raw, text, display_name) if "@" in text else None
