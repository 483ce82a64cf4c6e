"""Put the chunks of BDAT together (RFC 3030). Pure.

Their octets are the content as it is: no dot means anything. Only a CR at the end of a piece is
held back, until it is known whether its LF follows.
"""

import re

from edge.listener.line_ends import has_bare_line_ends

_CHUNK = re.compile(r"(?P<octets>\d{1,18})(?P<last>\s+LAST)?", re.ASCII | re.IGNORECASE)


def read_chunk_size(argument: str) -> tuple[int, bool] | None:
    """How many octets follow `BDAT argument`, and whether they are the last; None: nobody knows."""
    found = _CHUNK.fullmatch(argument)
    return (int(found["octets"]), found["last"] is not None) if found else None


class ChunkReader:
    """Feed it the octets of all chunks; it gives them back, never ending inside a CRLF."""

    def __init__(self) -> None:
        self.has_bare_line_ends = False
        self._held = b""

    def feed(self, octets: bytes) -> bytes:
        """Take the next octets, and return what can be judged."""
        piece = self._held + octets
        self._held = b"\r" if piece.endswith(b"\r") else b""
        return self._judged(piece[: len(piece) - len(self._held)])

    def end(self) -> bytes:
        """What was held back, when nothing follows."""
        piece, self._held = self._held, b""
        return self._judged(piece)

    def _judged(self, piece: bytes) -> bytes:
        if has_bare_line_ends(piece):
            self.has_bare_line_ends = True
        return piece
