"""Find the addresses in a From, To or Cc field, each with the octets that it stands in. Pure.

Groups, comments, quoted commas and angle brackets as in RFC 5322 §3.4, read in one pass. The
provider reads the same field with a parser of its own, so an entry counts as well-formed only
where no two parsers can differ; of any other only the bare address is used. What cannot be read
yields no address: the caller then treats it as not confirmed.
"""

import re
from contextlib import suppress
from dataclasses import dataclass
from unicodedata import normalize

_TOKEN = re.compile(
    rb"""
    "(?:[^"\\]|\\.)*+"?                          # quoted string
    | <[^<>]*+>?                                # angle address
    | =\?[^?\s(),:;<>@"]++\?[BbQq]\?[^?\s]*+\?=   # encoded word
    | [(),:;\\=]                                # what matters here on its own
    | [^"<(),:;\\=]++                           # anything else
    """,
    re.VERBOSE | re.DOTALL,
)
_ATEXT = rb"A-Za-z0-9!#$%&'*+/=?^_`{|}~\x80-\xff\-"
_QUOTED = rb'"(?:[^"\\\x00-\x08\x0a-\x1f\x7f]|\\[\x20-\x7e\x80-\xff])*+"'
_LABEL = rb"[A-Za-z0-9_\x80-\xff-]++"
_DOMAIN = rb"(?:" + _LABEL + rb"(?:\." + _LABEL + rb")*+|\[[0-9A-Za-z:.]++\])"
_SPEC = rb"(?:[" + _ATEXT + rb".]++|" + _QUOTED + rb")@" + _DOMAIN
_GAP = rb"(?:[ \t]|\((?:[^()\\<>@\"\x00-\x08\x0a-\x1f\x7f])*+\))"
_PHRASE = rb"(?:[" + _ATEXT + rb"][" + _ATEXT + rb".]*+|" + _QUOTED + rb"|" + _GAP + rb")*+"
_ADDRESS = re.compile(_SPEC)
_WELL_FORMED = re.compile(
    rb"(?:%(gap)s*+(?P<bare>%(spec)s)|(?P<name>%(phrase)s)<(?P<angle>%(spec)s)>)%(gap)s*+"
    % {b"gap": _GAP, b"spec": _SPEC, b"phrase": _PHRASE}
)
_GROUP_NAME = re.compile(_PHRASE)
_QUOTABLE = re.compile(rb"(?!.*=\?)[^\"\\<>()@,;:\x00-\x1f\x7f]++", re.DOTALL)
_SOURCE_ROUTE = re.compile(rb"\s*@[^:]*:")
_LONGEST_FIELD = 160 * 1024  # the longest seen in real mail has 135,000 octets
_LONGEST_ADDRESS = 320
_LONGEST_LABEL = 63


class Unwritable(Exception):
    """An address that has no form in a header; its text is the address."""


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One entry of an address list."""

    raw: bytes
    """As it stands in the field (display name, comments, brackets), or the bare address."""
    address: str
    """The bare address."""
    display_name: bytes = b""
    """As it can stand in a field, without the address; b"" when there is none."""


@dataclass(frozen=True)
class AddressList:
    """What a field names."""

    mailboxes: list[Mailbox]
    is_well_formed: bool
    """Whether that is all that anyone can read out of it."""


def read_addresses(value: bytes) -> AddressList:
    """The mailboxes of an unfolded field value, group members among them."""
    if len(value) > _LONGEST_FIELD:
        return AddressList([], is_well_formed=False)
    entries, is_well_formed = _entries(value)
    mailboxes = []
    for entry in entries:
        mailbox = _mailbox(entry)
        if mailbox is not None:
            mailboxes.append(mailbox)
        if mailbox is None or mailbox.raw != entry.raw:
            is_well_formed = False
    return AddressList(mailboxes, is_well_formed)


def same_address(one: str, other: str) -> bool:
    return normal(one) == normal(other)


def normal(address: str) -> str:
    """The form in which two spellings of one mailbox are equal: case, quotes, and IDN as A-label.

    Only what every standard calls equal: "straße" and "strasse" are one name for IDNA 2003 and two
    for IDNA 2008, so they are two here, and at worst a recipient moves from To to Bcc.
    """
    local_part, at, domain = normalize("NFC", address.strip()).lower().rpartition("@")
    if len(local_part) > 1 and local_part.startswith('"') and local_part.endswith('"'):
        local_part = re.sub(r"\\(.)", r"\1", local_part[1:-1])
    return local_part + at + ".".join(map(_a_label, domain.rstrip(".").split(".")))


def written(address: str) -> bytes:
    """`address` as it can stand in a header field. Raises Unwritable."""
    octets = address.rstrip(".").encode("utf-8", "surrogateescape")
    if not _ADDRESS.fullmatch(octets):
        raise Unwritable(address)
    return octets


def is_writable(address: str) -> bool:
    """Whether `address` can stand in a header, and so get a mail."""
    try:
        return len(written(address)) <= _LONGEST_ADDRESS
    except (Unwritable, UnicodeError):
        return False


def _a_label(label: str) -> str:
    if label.isascii() or len(label) > _LONGEST_LABEL:
        return label
    with suppress(UnicodeError):
        return f"xn--{label.encode('punycode').decode('ascii')}"
    return label


@dataclass(slots=True)
class _Entry:
    raw: bytes
    angles: list[bytes]
    """Angle addresses outside comments."""
    spoken: bytes
    """All but the comments."""


def _entries(value: bytes) -> tuple[list[_Entry], bool]:
    """The list split at its commas and groups, and whether these stand as they should."""
    reader = _ListReader()
    for found in _TOKEN.finditer(value):
        reader.take(found[0])
    return reader.end()


class _ListReader:
    """Takes the tokens of an address list one by one."""

    def __init__(self) -> None:
        self._entries: list[_Entry] = []
        self._is_well_formed = True
        self._depth = 0
        self._in_group = False
        self._after_group = False
        self._restart()

    def take(self, token: bytes) -> None:
        if token == b"(":
            self._depth += 1
        if self._depth:
            self._raw.append(token)
            self._depth -= token == b")"
        elif token == b",":
            self._end_entry(may_be_empty=self._after_group)
        elif token == b":" and not self._in_group:
            # What stood before it is the name of the group.
            self._is_well_formed &= bool(_GROUP_NAME.fullmatch(b"".join(self._raw).strip()))
            self._in_group = True
            self._restart()
        elif token == b";":
            self._is_well_formed &= self._in_group
            self._end_entry(may_be_empty=self._in_group)
            self._in_group, self._after_group = False, True
        else:
            self._add(token)

    def end(self) -> tuple[list[_Entry], bool]:
        self._end_entry(may_be_empty=self._after_group)
        well_formed = self._is_well_formed and not self._in_group and not self._depth
        return self._entries, well_formed

    def _add(self, token: bytes) -> None:
        self._raw.append(token)
        self._spoken.append(token)
        if token.startswith(b"<"):
            self._angles.append(token)

    def _end_entry(self, *, may_be_empty: bool) -> None:
        raw = b"".join(self._raw).strip()
        if raw:
            # Behind a group stands a comma, or nothing.
            self._is_well_formed &= not self._after_group
            self._entries.append(_Entry(raw, self._angles, b"".join(self._spoken).strip()))
        elif not may_be_empty:
            self._is_well_formed = False
        self._after_group = False
        self._restart()

    def _restart(self) -> None:
        self._raw: list[bytes] = []
        self._angles: list[bytes] = []
        self._spoken: list[bytes] = []


def _mailbox(entry: _Entry) -> Mailbox | None:
    found = _WELL_FORMED.fullmatch(entry.raw)
    if found:
        name = (found["name"] or b"").strip()
        return _within_limits(entry.raw, found["bare"] or found["angle"], name)
    if len(entry.angles) > 1:
        return None
    if not entry.angles:
        return _within_limits(entry.spoken, entry.spoken, b"")
    (angle,) = entry.angles
    address = _SOURCE_ROUTE.sub(b"", angle.strip(b"<>"), count=1).strip()
    name = entry.spoken.partition(angle)[0].strip()
    name = b'"' + name + b'"' if _QUOTABLE.fullmatch(name) else b""
    return _within_limits(name + b" <" + address + b">" if name else address, address, name)


def _within_limits(raw: bytes, address: bytes, name: bytes) -> Mailbox | None:
    if len(address) > _LONGEST_ADDRESS or not _ADDRESS.fullmatch(address):
        return None
    return Mailbox(raw, address.decode("utf-8", "surrogateescape"), name)
