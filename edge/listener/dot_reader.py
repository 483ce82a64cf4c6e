"""Find the end of DATA and undo dot-stuffing, in large pieces. Pure.

Only CRLF.CRLF ends the content, on every listener: whoever takes less for the end lets a second
mail be smuggled in (CVE-2023-51764). Bare CR and LF are noticed here and judged later.
"""

from edge.listener.line_ends import are_even_lines, has_bare_line_ends

_END = b"\r\n.\r\n"
_DOT = b"\r\n."


class DotReader:
    """Feed it what arrives after 354; it gives back the content's octets."""

    def __init__(self) -> None:
        self.has_ended = False
        self.rest = b""
        """What followed the end: the next commands of a client that does not wait."""
        self.has_bare_line_ends = False
        # The content may begin with the end: before it, a line end is taken as read.
        self._held = b"\r\n"
        self._not_content = 2

    def feed(self, chunk: bytes) -> bytes:
        """Take the next octets and return the content among them, dots unstuffed."""
        window = self._held + chunk
        is_even = not window.endswith(_END) and are_even_lines(window)
        dot = -1 if is_even else window.find(_DOT)
        end = dot if dot < 0 or window.startswith(_END, dot) else window.find(_END, dot)
        if end >= 0:
            self.has_ended = True
            self.rest = window[end + len(_END) :]
            return self._content(self._judged(window[: end + 2]), is_stuffed=dot < end)
        cut = len(window) - _length_of_possible_end(window)
        self._held = window[cut:]
        piece = window[:cut] if is_even else self._judged(window[:cut])
        return self._content(piece, is_stuffed=dot >= 0)

    def _judged(self, piece: bytes) -> bytes:
        # A piece never ends inside CRLF or before a dot: what may go on is held back.
        if has_bare_line_ends(piece):
            self.has_bare_line_ends = True
        return piece

    def _content(self, piece: bytes, *, is_stuffed: bool) -> bytes:
        content = piece.replace(_DOT, b"\r\n") if is_stuffed else piece
        if self._not_content and content:
            content = content[self._not_content :]
            self._not_content = 0
        return content


def _length_of_possible_end(window: bytes) -> int:
    return next(
        (length for length in range(len(_END) - 1, 0, -1) if window.endswith(_END[:length])), 0
    )
