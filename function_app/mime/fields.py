"""A mail's header as a list of fields, each with its own octets untouched. Pure.

Joining the fields and the body gives back what was split, but for line ends, an mbox line or a
byte order mark in front, and a missing empty line between header and body.
"""

import re
from dataclasses import dataclass

from function_app.mime.splice import section_of
from handoff.octets import Octets

_FIELD_START = re.compile(rb"([!-9;-~]++)[ \t]*+:")
_END_OF_FIELD = re.compile(rb"\r\n(?![ \t])")
_BLANK_FOLD = re.compile(rb"\r\n[ \t]++(?=\r\n)")
_LONG_LINE = re.compile(rb"[^\r\n]{999}")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_LINE_WE_WRITE = 78
_LONGEST_LINE = 998  # RFC 5322 §2.1.1
_LONGEST_TO_FOLD = 100_000
MOST_FIELDS = 10_000
_FIRST_LOOK = 64 * 1024
LONGEST_HEADER = 4 * 1024 * 1024
"""Of a mail, or a part of one, that does not lie in memory."""


class HeaderTooLarge(Exception):
    """Longer than that of any mail, or with more fields: not worth the time to read it."""


@dataclass(frozen=True, slots=True)
class Field:
    """One header field."""

    name: str
    """In lower case."""
    raw: bytes
    """The whole field as it stands: name, colon, value with its folds, and the final CRLF."""

    @property
    def value(self) -> bytes:
        """What stands behind the colon, unfolded."""
        return self.raw.partition(b":")[2].replace(b"\r\n", b"").strip(b" \t")


def a_field(name: str, value: bytes | str) -> Field:
    """A field of ours. A line end in `value` cannot begin another field."""
    octets = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
    octets = octets.replace(b"\r", b" ").replace(b"\n", b" ")
    return Field(name.lower(), name.encode("ascii") + b": " + octets + b"\r\n")


def a_list_field(name: str, items: list[bytes]) -> Field:
    """A field with a comma-separated list, folded between its items."""
    lines, line = [], name.encode("ascii") + b":"
    for number, item in enumerate(items):
        item = item.replace(b"\r", b" ").replace(b"\n", b" ")
        item += b"," if number < len(items) - 1 else b""
        if len(line) + 1 + len(item) > _LINE_WE_WRITE and number:
            lines.append(line)
            line = b""
        line += b" " + item
    return Field(name.lower(), b"\r\n".join([*lines, line]) + b"\r\n")


def renamed(field: Field, name: str) -> Field:
    """`field` under another name: kept for those who look, without its effect."""
    return Field(name.lower(), name.encode("ascii") + b":" + field.raw.partition(b":")[2])


def first(fields: list[Field], name: str) -> Field | None:
    return next((field for field in fields if field.name == name), None)


def replaced(fields: list[Field], name: str, replacement: Field) -> list[Field]:
    return [replacement if field.name == name else field for field in fields]


def split(octets: Octets) -> tuple[list[Field], Octets]:
    """The fields and the body of a mail whose lines end in CRLF.

    What does not look like a field ends the header: it and all that follows is body.
    Raises HeaderTooLarge.
    """
    fields, position = read_fields(octets, _start_of_header(octets), MOST_FIELDS + 1)
    if len(fields) > MOST_FIELDS:
        raise HeaderTooLarge
    return fields, section_of(octets, position, len(octets))


def read_fields(
    octets: Octets, position: int, most: int, *, in_part: bool = False
) -> tuple[list[Field], int]:
    """At most `most` fields from `position` on, and where the body begins behind them.

    In a part, a line that begins with two hyphens may be a delimiter, and is no field.
    Raises HeaderTooLarge.
    """
    if isinstance(octets, bytes):
        fields, position, _ = _read_fields(octets, position, most, in_part)
        return fields, position
    look = _FIRST_LOOK
    while True:
        seen = octets[position : position + look]
        fields, end, is_end = _read_fields(seen, 0, most, in_part)
        if is_end or position + len(seen) == len(octets):
            return fields, position + end
        if look >= LONGEST_HEADER:
            raise HeaderTooLarge
        look *= 4


def _read_fields(
    octets: bytes, position: int, most: int, in_part: bool
) -> tuple[list[Field], int, bool]:
    """And whether what follows could not change what was read."""
    fields: list[Field] = []
    while len(fields) < most and position < len(octets):
        if octets.startswith(b"\r\n", position):
            return fields, position + 2, True
        found = _FIELD_START.match(octets, position)
        if found is None or (in_part and found[1].startswith(b"--")):
            return fields, position, octets.find(b"\r\n", position) >= 0
        end = _END_OF_FIELD.search(octets, found.end())
        position = end.end() if end else len(octets)
        raw = octets[found.start() : position] if end else octets[found.start() :] + b"\r\n"
        fields.append(Field(found[1].decode("ascii").lower(), raw))
    return fields, position, position < len(octets)


def as_all_read_it(field: Field) -> Field:
    """`field` without what some take for the end of the header.

    That is white space in front of the colon, and lines of nothing but white space; both are
    obsolete (RFC 5322 §4.2, §4.5).
    """
    raw = field.raw
    if raw[len(field.name) : len(field.name) + 1] != b":":
        raw = raw[: len(field.name)] + b":" + raw.partition(b":")[2]
    if _BLANK_FOLD.search(raw):
        is_long = len(raw) > _LONGEST_TO_FOLD
        raw = raw.replace(b"\r\n", b"") + b"\r\n" if is_long else _BLANK_FOLD.sub(b"", raw)
    return field if raw == field.raw else Field(field.name, raw)


def folded(field: Field) -> Field:
    """`field` with no line above 998 octets, where its white space allows that; else as it is.

    Only line ends are put in, and only in front of white space: unfolded, it is what it was.
    """
    raw = field.raw
    if len(raw) > _LONGEST_TO_FOLD or not _LONG_LINE.search(raw):
        return field
    lines: list[bytes] = []
    for line in raw[:-2].split(b"\r\n"):
        start = 0
        while len(line) - start > _LONGEST_LINE:
            near, far = start + 1, start + _LONGEST_LINE
            at = max(line.rfind(b" ", near, far), line.rfind(b"\t", near, far))
            if at < 0 or not line[start:at].strip() or not line[at:].strip():
                return field
            lines.append(line[start:at])
            start = at
        lines.append(line[start:])
    return Field(field.name, b"\r\n".join(lines) + b"\r\n")


def _start_of_header(whole: Octets) -> int:
    octets = whole if isinstance(whole, bytes) else whole[:_FIRST_LOOK]
    if octets.startswith(b"From ") and not _FIELD_START.match(octets):
        return octets.find(b"\r\n") + 2 if b"\r\n" in octets else 0
    mark = len(_BYTE_ORDER_MARK)
    has_mark = octets.startswith(_BYTE_ORDER_MARK) and _FIELD_START.match(octets, mark)
    return mark if has_mark else 0
