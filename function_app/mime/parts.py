"""Find the parts of a body: where their header stands, and where their content. Pure.

One pass over the delimiter lines (RFC 2046 §5.1.1), within limits that no real mail reaches.
What lies beyond a limit is found in no part, and so stays untouched. Nothing is looked for under
a signature or an encryption: there, every octet counts.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from function_app.mime.fields import Field, HeaderTooLarge, read_fields
from function_app.mime.media import Media, read_media
from handoff.octets import PIECE, Octets

_DELIMITER = re.compile(rb"\r\n--([^\r\n]{1,1000}+)(?=\r\n|\Z)")
_DELIMITER_AT_START = re.compile(rb"--([^\r\n]{1,1000}+)(?=\r\n|\Z)")
_LONGEST_DELIMITER = 1_006  # with its line ends
_MOST_LIKE_DELIMITERS = 200_000
_MOST_PARTS = 1_000
_MOST_FIELDS = 10_000
_DEEPEST = 100


@dataclass(frozen=True, slots=True)
class Part:
    """One part; the first of a mail is the mail itself."""

    fields: list[Field]
    """In the order in which they stand, without a gap."""
    start: int
    """Where the fields begin in the body."""
    content: int
    end: int
    """Of the content; of what holds parts or a message, where these begin."""
    media: Media
    is_attached: bool
    """Whether it belongs to an attached message (message/rfc822)."""
    is_leaf: bool
    depth: int
    """In how many multiparts and attached messages it lies."""


def walk(fields: list[Field], body: Octets) -> list[Part]:
    """The parts of a mail with this header and body, each in front of those inside it."""
    walker = _Walker(body, opens_messages=True)
    _go(walker, fields, body)
    return walker.parts


def outline(fields: list[Field], body: Octets) -> list[Part] | None:
    """The same with attached messages as leaves; None when there is more than can be found."""
    walker = _Walker(body, opens_messages=False)
    return walker.parts if _go(walker, fields, body) else None


def _go(walker: "_Walker", fields: list[Field], body: Octets) -> bool:
    """Whether nothing is left that could hold a part."""
    walker.enter_mail(fields)
    for number, delimiter in enumerate(_delimiters(body)):
        if not walker.is_inside:
            break
        if number >= _MOST_LIKE_DELIMITERS or not walker.pass_delimiter(delimiter):
            return False
    walker.end_leaf(len(body))
    return True


class _Delimiter(NamedTuple):
    """A line that could be one: where it begins, with the CRLF in front, and where it ends."""

    start: int
    end: int
    text: bytes


def _delimiters(body: Octets) -> Iterator[_Delimiter]:
    if isinstance(body, bytes):
        yield from _delimiters_in(body, 0, len(body))
        return
    for at in range(0, len(body), PIECE):
        # What begins in this piece, though it may end in the next.
        yield from _delimiters_in(body[at : at + PIECE + _LONGEST_DELIMITER], at, PIECE)


def _delimiters_in(octets: bytes, at: int, until: int) -> Iterator[_Delimiter]:
    first = _DELIMITER_AT_START.match(octets) if at == 0 else None
    if first:
        yield _Delimiter(first.start(), first.end(), first[1])
    for found in _DELIMITER.finditer(octets):
        if found.start() >= until:
            return
        yield _Delimiter(at + found.start(), at + found.end(), found[1])


@dataclass(frozen=True, slots=True)
class _Open:
    """A multipart whose end is not yet found."""

    boundary: bytes
    default: str
    is_attached: bool
    depth: int


class _Walker:
    def __init__(self, body: Octets, *, opens_messages: bool) -> None:
        self.parts: list[Part] = []
        self._body = body
        self._opens_messages = opens_messages
        self._open: list[_Open] = []
        self._boundaries: frozenset[bytes] = frozenset()
        self._leaf: Part | None = None
        self._fields_left = _MOST_FIELDS

    @property
    def is_inside(self) -> bool:
        """Whether there is a multipart that a delimiter could belong to."""
        return bool(self._open)

    def enter_mail(self, fields: list[Field]) -> None:
        media = read_media(fields, "text/plain")
        self._take(Part(fields, 0, 0, 0, media, is_attached=False, is_leaf=False, depth=0))

    def pass_delimiter(self, found: _Delimiter) -> bool:
        """Whether to go on."""
        line = found.text.rstrip(b" \t")
        if line in self._boundaries:
            self.end_leaf(found.start)
            self._return_to(line)
            outer = self._open[-1]
            return self._enter(found.end + 2, outer.default, outer.is_attached, outer.depth)
        if line.endswith(b"--") and line[:-2] in self._boundaries:
            self.end_leaf(found.start)
            self._return_to(line[:-2])
            self._set_open(self._open[:-1])
        return True

    def end_leaf(self, end: int) -> None:
        if self._leaf is not None:
            end = max(self._leaf.content, end)
            self.parts.append(replace(self._leaf, end=end, is_leaf=True))
            self._leaf = None

    def _enter(self, start: int, default: str, is_attached: bool, depth: int) -> bool:
        try:
            fields, content = read_fields(self._body, start, self._fields_left, in_part=True)
        except HeaderTooLarge:
            return False
        self._fields_left -= len(fields)
        if self._fields_left <= 0 or len(self.parts) >= _MOST_PARTS:
            return False
        media = read_media(fields, default)
        return self._take(Part(fields, start, content, content, media, is_attached, False, depth))

    def _take(self, part: Part) -> bool:
        media, depth = part.media, part.depth
        may_enter = depth < _DEEPEST and not media.is_sealed
        if may_enter and media.is_message and self._opens_messages:
            self.parts.append(part)
            return self._enter(part.content, "text/plain", is_attached=True, depth=depth + 1)
        if may_enter and media.is_multipart:
            self.parts.append(part)
            default = "message/rfc822" if media.type == "multipart/digest" else "text/plain"
            inside = _Open(media.boundary, default, part.is_attached, depth + 1)
            self._set_open([*self._open, inside])
        else:
            self._leaf = part
        return True

    def _return_to(self, boundary: bytes) -> None:
        """Leave the multiparts inside the innermost one of this boundary."""
        while self._open[-1].boundary != boundary:
            self._open.pop()
        self._set_open(self._open)

    def _set_open(self, multiparts: list[_Open]) -> None:
        self._open = multiparts
        self._boundaries = frozenset(multipart.boundary for multipart in multiparts)
