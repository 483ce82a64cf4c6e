"""What `disk.c` wrote down, one record a call."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_HEAD = struct.Struct("=cHQQ")
CREATE, WRITE, TRUNCATE, UNLINK = "C", "W", "T", "U"
FLUSH, FLUSH_DIRECTORY, FAILED_FLUSH = "S", "D", "E"
PROMISE = "A"


@dataclass(frozen=True)
class Record:
    """One call on the disk, or a promise to a client."""

    kind: str
    name: str
    """Of the file, below the directory."""
    offset: int
    """Of a write; of TRUNCATE, the new length."""
    octets: bytes
    """What was written; of PROMISE, the mail's id."""


def read_records(file: Path) -> Iterator[Record]:
    """All whole records; the last may be torn, when the program was killed while it wrote it."""
    with file.open("rb") as stream:
        while len(head := stream.read(_HEAD.size)) == _HEAD.size:
            kind, name_length, offset, length = _HEAD.unpack(head)
            name, octets = stream.read(name_length), stream.read(length)
            if len(octets) < length:
                return
            yield Record(kind.decode(), name.decode(), offset, octets)
