"""A mail's header as a list of fields, each with its own octets untouched. Pure.

Joining the fields and the body gives back what was split, but for line ends, an mbox line in
front, and a missing empty line between header and body.
"""

import re
from dataclasses import dataclass

_FIELD_START = re.compile(rb"([!-9;-~]+)[ \t]*:")
_BARE = re.compile(rb"\r(?!\n)|(?<!\r)\n")
_FOLD = re.compile(rb"\r\n(?=[ \t])")
_LONGEST_LINE = 78


@dataclass(frozen=True)
class Field:
    """One header field."""

    name: str
    """In lower case."""
    raw: bytes
    """The whole field as it stands: name, colon, value with its folds, and the final CRLF."""

    @property
    def value(self) -> bytes:
        """What stands behind the colon, unfolded."""
        return _FOLD.sub(b"", self.raw.partition(b":")[2]).strip(b" \t\r\n")


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
        if len(line) + 1 + len(item) > _LONGEST_LINE and number:
            lines.append(line)
            line = b""
        line += b" " + item
    return Field(name.lower(), b"\r\n".join([*lines, line]) + b"\r\n")


def with_crlf(octets: bytes) -> bytes:
    """`octets` with CRLF at the end of every line, as Graph needs it to decode what is inside."""
    return _BARE.sub(b"\r\n", octets) if _BARE.search(octets) else octets


def split(octets: bytes) -> tuple[list[Field], bytes]:
    """The fields and the body of a mail whose lines end in CRLF.

    What does not look like a field ends the header: it and all that follows is body.
    """
    position = octets.find(b"\r\n") + 2 if octets.startswith(b"From ") else 0
    fields: list[Field] = []
    while position < len(octets):
        if octets.startswith(b"\r\n", position):
            return fields, octets[position + 2 :]
        found = _FIELD_START.match(octets, position)
        if found is None:
            break
        end = _end_of_field(octets, position)
        raw = octets[position:end]
        fields.append(
            Field(found[1].decode("ascii").lower(), raw if raw.endswith(b"\n") else raw + b"\r\n")
        )
        position = end
    return fields, octets[position:]


def join(fields: list[Field], body: bytes) -> bytes:
    return b"".join([*(field.raw for field in fields), b"\r\n", body])


def _end_of_field(octets: bytes, position: int) -> int:
    while True:
        end = octets.find(b"\r\n", position)
        if end < 0:
            return len(octets)
        position = end + 2
        if octets[position : position + 1] not in (b" ", b"\t"):
            return position
