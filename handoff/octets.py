"""Octets of a mail, wherever they lie: in memory, or in a file that is read piece by piece.

`bytes` are Octets. A mail of 150 MB is not worth 150 MB of memory, and most of it is only carried
from one place to the next.
"""

import os
from collections.abc import Iterable, Iterator
from typing import Protocol

PIECE = 1024 * 1024
"""What is in memory at a time, of octets that are not."""


class Octets(Protocol):
    """What can be measured and sliced; a slice is bytes."""

    def __len__(self) -> int: ...

    def __getitem__(self, place: slice, /) -> bytes: ...


class FileOctets:
    """The first `size` octets of an open file, which stays its opener's to close."""

    def __init__(self, descriptor: int, size: int) -> None:
        self._descriptor = descriptor
        self._size = size

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, place: slice, /) -> bytes:
        start, stop, _ = place.indices(self._size)
        found = []
        while start < stop:
            # Never more than 2 GiB at once, and fewer if the system pleases.
            read = os.pread(self._descriptor, stop - start, start)
            if not read:
                raise EOFError(f"the file ends at {start:,} of {self._size:,} octets")
            found.append(read)
            start += len(read)
        return b"".join(found)


def pieces_of(octets: Octets, start: int = 0, end: int | None = None) -> Iterator[bytes]:
    """`octets[start:end]` in pieces; what is in memory already is one piece."""
    end = len(octets) if end is None else min(end, len(octets))
    if isinstance(octets, bytes):
        yield octets[start:end]
        return
    for at in range(start, end, PIECE):
        yield octets[at : min(at + PIECE, end)]


def with_crlf(octets: bytes) -> bytes:
    """`octets` with CRLF at the end of every line.

    Graph decodes quoted-printable with bare line feeds wrongly, so this is done under a signature
    too: signatures are made over lines that end in CRLF (RFC 8551 §3.1.1, RFC 3156 §5).
    """
    ends = octets.count(b"\r\n")
    if ends == octets.count(b"\r") == octets.count(b"\n"):
        return octets
    return octets.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")


def pieces_with_crlf(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same for octets that come in pieces, cut anywhere."""
    held = b""
    for piece in pieces:
        piece = held + piece
        # Whether a line feed follows is known with the next piece.
        held = piece[-1:] if piece.endswith(b"\r") else b""
        yield with_crlf(piece[: len(piece) - len(held)])
    yield with_crlf(held)
