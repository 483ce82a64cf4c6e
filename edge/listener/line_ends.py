"""CR and LF that are not together: found, and made whole. Pure.

What is found and made whole is a piece of content that neither begins nor ends inside a CRLF.
"""


def has_bare_line_ends(piece: bytes) -> bool:
    """Whether a CR or an LF stands alone."""
    marked = piece + b"."  # so that the last line has no end
    return b"\r\n".join(marked.splitlines()) != marked


def are_even_lines(octets: bytes) -> bool:
    """Whether all lines are as long as the first whole one, end in CRLF, and begin with no dot.

    So are those of base64, all but the last. This is seen in a third of the time that it takes to
    look for everything that may be in other content; False says nothing about it.
    """
    first = octets.find(b"\r")
    length = octets.find(b"\r", first + 1) - first
    if first < 0 or length < 2:
        return False
    ends = len(range(first, len(octets), length))
    return (
        octets[first::length] == b"\r" * ends
        and octets[first + 1 :: length] == b"\n" * ends
        and b"." not in octets[first + 2 :: length]
        and octets.count(b"\r") == ends
        and octets.count(b"\n") == ends
    )


def with_crlf(piece: bytes) -> bytes:
    """`piece` with every bare CR and bare LF made CRLF."""
    return piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")
