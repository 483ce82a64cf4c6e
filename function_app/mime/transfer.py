"""What a transfer encoding hides (RFC 2045 §6), piece by piece. Pure.

What is broken is read as far as it goes: characters that do not belong into base64 are skipped,
and what is no escape in quoted-printable stays as it stands.
"""

import re
from binascii import a2b_base64, a2b_qp
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from handoff.octets import Octets, pieces_of

AS_IT_IS = frozenset({"", "7bit", "8bit", "binary", "7-bit", "8-bit", "none", "utf-8"})
"""Some are wrong, and mean nothing else."""
KNOWN = AS_IT_IS | {"base64", "quoted-printable"}
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
_NOT_BASE64 = bytes(set(range(256)) - set(_BASE64))
_QUANTUM = re.compile(rb"[^=]*+=*+")


@dataclass(frozen=True)
class Decoded:
    """Octets as they were before they were encoded."""

    octets: Octets
    encoding: str
    """One of KNOWN."""

    @cached_property
    def size(self) -> int:
        if self.encoding in AS_IT_IS:
            return len(self.octets)
        return sum(map(len, self.pieces()))

    def whole(self) -> bytes:
        return b"".join(self.pieces())

    def pieces(self) -> Iterator[bytes]:
        """All of them, each small enough for memory."""
        pieces = pieces_of(self.octets)
        match self.encoding:
            case "base64":
                return from_base64(pieces)
            case "quoted-printable":
                return from_quoted_printable(pieces)
            case _:
                return pieces

    def blocks(self, size: int, start: int) -> Iterator[bytes]:
        """What begins at `start`, in blocks of `size` octets; the last may be shorter."""
        skip, held = start, bytearray()
        for piece in self.pieces():
            held += piece[skip:]
            skip = max(0, skip - len(piece))
            while len(held) >= size:
                yield bytes(memoryview(held)[:size])
                del held[:size]
        if held:
            yield bytes(held)


def from_base64(pieces: Iterable[bytes]) -> Iterator[bytes]:
    held = b""
    for piece in pieces:
        held += piece.translate(None, _NOT_BASE64)
        if b"=" not in held:
            whole = len(held) // 4 * 4
            yield a2b_base64(held[:whole])
            held = held[whole:]
            continue
        *ended, held = _quanta(held)
        yield b"".join(map(_unpadded, ended))
    yield _unpadded(held)


def _quanta(octets: bytes) -> list[bytes]:
    """Cut behind each padding: some programs encode piece by piece, and put the results together.

    The last one is not ended.
    """
    found = [quantum for quantum in _QUANTUM.findall(octets) if quantum]
    return [*found, b""] if octets.endswith(b"=") else found


def _unpadded(octets: bytes) -> bytes:
    octets = octets.rstrip(b"=")
    whole = len(octets) if len(octets) % 4 != 1 else len(octets) - 1
    return a2b_base64(octets[:whole] + b"==")


def from_quoted_printable(pieces: Iterable[bytes]) -> Iterator[bytes]:
    held = b""
    for piece in pieces:
        piece = held + piece
        # An escape may be cut: an odd equals sign with fewer than two octets behind it.
        at = piece.rfind(b"=", max(0, len(piece) - 2))
        run = len(piece[: at + 1]) - len(piece[: at + 1].rstrip(b"="))
        held = piece[at:] if run % 2 else b""
        yield a2b_qp(piece[: len(piece) - len(held)])
    yield a2b_qp(held)
