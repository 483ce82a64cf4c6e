"""The end of DATA and the dots, against a slow and obvious reading of RFC 5321 §4.5.2."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.listener.dot_reader import DotReader
from edge.listener.line_ends import are_even_lines, has_bare_line_ends, with_crlf

pieces = st.sampled_from([b"\r\n", b"\r", b"\n", b".", b"..", b"a", b"bc", b"\r\n.", b"\0"])
streams = st.lists(pieces, max_size=30).map(b"".join)


def read(stream: bytes, cuts: list[int]) -> DotReader | tuple[bytes, bytes, bool]:
    reader = DotReader()
    content = b""
    places = sorted({min(cut, len(stream)) for cut in cuts})
    for begin, end in zip([0, *places], [*places, len(stream)], strict=True):
        if reader.has_ended:
            return content, reader.rest + stream[begin:], reader.has_bare_line_ends
        content += reader.feed(stream[begin:end])
    return (content, reader.rest, reader.has_bare_line_ends) if reader.has_ended else reader


def slow_read(stream: bytes) -> tuple[bytes, bytes, bool]:
    content, rest = b"", stream
    while True:
        line, _, rest = rest.partition(b"\r\n")
        if line == b".":
            break
        content += line.removeprefix(b".") + b"\r\n"
    bare = content.replace(b"\r\n", b"")
    return content, rest, b"\r" in bare or b"\n" in bare


@given(streams, streams, st.lists(st.integers(0, 80), max_size=12))
def test_it_reads_like_the_slow_reader(before: bytes, behind: bytes, cuts: list[int]) -> None:
    stream = before + b"\r\n.\r\n" + behind

    assert slow_read(stream) == read(stream, cuts)


@st.composite
def nearly_even_lines(draw: st.DrawFn) -> bytes:
    """Lines of one length, with a few octets exchanged."""
    octets = bytearray((b"a" * draw(st.integers(0, 4)) + b"\r\n") * draw(st.integers(1, 12)))
    for place in draw(st.lists(st.integers(0, len(octets) - 1), max_size=3)):
        octets[place] = draw(st.sampled_from(b"\r\n.a"))
    return bytes(octets)


@given(nearly_even_lines())
@settings(max_examples=2_000, deadline=None)
def test_even_lines_hide_nothing(octets: bytes) -> None:
    assert not are_even_lines(octets) or not (has_bare_line_ends(octets) or b"\r\n." in octets)


def test_lines_of_base64_are_even() -> None:
    lines = (b"a" * 76 + b"\r\n") * 9

    assert are_even_lines(b"a" * 20 + b"\r\n" + lines + b"a" * 20)
    assert not are_even_lines(lines + b"a" * 20 + b"\r\n")


@given(nearly_even_lines(), st.lists(st.integers(0, 80), max_size=4))
def test_it_reads_even_lines_like_the_slow_reader(before: bytes, cuts: list[int]) -> None:
    stream = before + b"\r\n.\r\n"

    assert slow_read(stream) == read(stream, cuts)


@pytest.mark.parametrize(
    "end",
    [
        b"\n.\n", b"\r.\r", b"\r.\n", b"\n.\r", b"\n.\r\n", b"\r\n.\n", b"\r.\r\n", b"\r\n.\r",
        b"\r\n\0.\r\n", b"\r\n.\0\r\n",
    ],
)  # fmt: skip
@pytest.mark.parametrize("size", range(1, 9))
def test_nothing_but_crlf_dot_crlf_ends_the_content(end: bytes, size: int) -> None:
    stream = b"text" + end + b"MAIL FROM:<smuggled@evil.org>\r\nmore"
    reader = DotReader()
    for begin in range(0, len(stream), size):
        reader.feed(stream[begin : begin + size])

    assert not reader.has_ended
    assert reader.has_bare_line_ends == (b"\0" not in end)


def test_an_empty_mail_ends_at_once() -> None:
    assert read(b".\r\nQUIT\r\n", []) == (b"", b"QUIT\r\n", False)


@given(streams)
def test_made_whole_all_lines_end_in_crlf(content: bytes) -> None:
    whole = with_crlf(content)

    assert whole.replace(b"\r\n", b"").count(b"\n") == 0
    assert whole.replace(b"\r\n", b"").count(b"\r") == 0
    assert with_crlf(whole) == whole
