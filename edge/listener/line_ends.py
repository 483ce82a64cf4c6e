"""CR and LF that are not together: found, and made whole. Pure.

Both functions take a piece of content that neither begins nor ends inside a CRLF.
"""


def has_bare_line_ends(piece: bytes) -> bool:
    """Whether a CR or an LF stands alone."""
    pairs = piece.count(b"\r\n")
    return piece.count(b"\n") != pairs or piece.count(b"\r") != pairs


def with_crlf(piece: bytes) -> bytes:
    """`piece` with every bare CR and bare LF made CRLF."""
    return piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")
