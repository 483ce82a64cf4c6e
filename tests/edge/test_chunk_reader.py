"""Chunks: whatever the cuts, the octets are those that were sent, and bare line ends are seen."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.listener.chunk_reader import ChunkReader, read_chunk_size
from edge.listener.line_ends import with_crlf

pieces = st.lists(st.sampled_from([b"\r\n", b"\r", b"\n", b".", b"a", b""]), max_size=20)


@given(pieces)
def test_chunks_are_put_together(chunks: list[bytes]) -> None:
    reader, whole = ChunkReader(), b"".join(chunks)
    found = [reader.feed(chunk) for chunk in chunks]
    found.append(reader.end())

    assert whole == b"".join(found)
    assert reader.has_bare_line_ends == bool(re.search(rb"\r(?!\n)|(?<!\r)\n", whole))


@given(pieces)
def test_pieces_made_whole_are_the_whole_made_whole(chunks: list[bytes]) -> None:
    reader = ChunkReader()
    found = [with_crlf(reader.feed(chunk)) for chunk in chunks]
    found.append(with_crlf(reader.end()))

    assert with_crlf(b"".join(chunks)) == b"".join(found)


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("0", (0, False)),
        ("17 LAST", (17, True)),
        ("17   last", (17, True)),
        ("", None),
        ("LAST", None),
        ("-1", None),
        ("+1", None),
        ("1 2", None),
        ("0x10", None),
        ("1_000", None),
        ("\u0661", None),
        ("17LAST", None),
        ("17 LAST LAST", None),
        ("9" * 19, None),
    ],
)
def test_how_many_octets_follow(argument: str, expected: tuple[int, bool] | None) -> None:
    assert expected == read_chunk_size(argument)
