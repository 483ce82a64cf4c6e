"""Transfer encodings are taken off piece by piece: the same octets, wherever the pieces are cut."""

import random
from base64 import b64encode, encodebytes
from binascii import a2b_qp
from itertools import pairwise
from quopri import encodestring

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from function_app.mime.splice import Section, Splice, find, section_of
from function_app.mime.transfer import Decoded, from_base64, from_quoted_printable
from handoff.octets import PIECE, Octets, with_crlf

cuts = st.lists(st.integers(1, 9), max_size=40)


def pieces_of(octets: bytes, sizes: list[int]) -> list[bytes]:
    pieces = []
    for size in sizes:
        pieces.append(octets[:size])
        octets = octets[size:]
    return [*pieces, octets]


@given(st.binary(max_size=200), cuts)
def test_base64_is_decoded(octets: bytes, sizes: list[int]) -> None:
    encoded = encodebytes(octets).replace(b"\n", b"\r\n")

    assert octets == b"".join(from_base64(pieces_of(encoded, sizes)))


@given(st.lists(st.binary(max_size=9), max_size=9), cuts)
def test_base64_that_was_put_together_of_several_is_decoded(
    parts: list[bytes], sizes: list[int]
) -> None:
    encoded = b"\r\n".join(map(b64encode, parts))

    assert b"".join(parts) == b"".join(from_base64(pieces_of(encoded, sizes)))


@given(st.binary(max_size=60) | st.text("AQ=\r\n!-", max_size=60).map(str.encode), cuts)
def test_broken_base64_is_read_the_same_way_wherever_it_is_cut(
    encoded: bytes, sizes: list[int]
) -> None:
    assert b"".join(from_base64([encoded])) == b"".join(from_base64(pieces_of(encoded, sizes)))


def test_what_is_no_base64_is_skipped() -> None:
    assert b"abc" == b"".join(from_base64([b"Y!W\r\nJ-j"]))
    assert b"ab" == b"".join(from_base64([b"YWI"]))
    assert b"abc" == b"".join(from_base64([b"YWJjZ"]))


@given(st.binary(max_size=200), cuts)
def test_quoted_printable_is_decoded(octets: bytes, sizes: list[int]) -> None:
    encoded = encodestring(octets)

    assert octets == b"".join(from_quoted_printable(pieces_of(encoded, sizes)))


@given(st.text("=AF4a \n\u00e4", max_size=40).map(str.encode).map(with_crlf), cuts)
@example(b"a==41", [2])
@example(b"a==41", [3])
@example(b"a===41", [4])
@example(b"a=\r\nb", [3])
def test_broken_quoted_printable_is_read_as_a_whole(encoded: bytes, sizes: list[int]) -> None:
    assert a2b_qp(encoded) == b"".join(from_quoted_printable(pieces_of(encoded, sizes)))


# Octets in several places

SOURCE = random.Random(1).randbytes(3 * PIECE)


def spliced(octets: bytes, *places: int) -> Splice:
    edges = [0, *places, len(octets)]
    return Splice([Section(octets, start, end) for start, end in pairwise(edges)])


@given(st.lists(st.integers(0, 50), max_size=5), st.integers(-60, 60), st.integers(-60, 60))
def test_a_slice_of_a_splice_is_one_of_bytes(places: list[int], start: int, end: int) -> None:
    octets = bytes(range(50))
    whole = spliced(octets, *sorted(places))

    assert len(octets) == len(whole)
    assert octets[start:end] == whole[start:end]


def test_a_splice_can_be_cut_again() -> None:
    whole = spliced(b"0123456789", 3, 3, 7)
    section = section_of(whole, 2, 8)

    assert (6, b"234567", b"34") == (len(section), section[:], section[1:3])


@pytest.mark.parametrize("at", [0, 5, PIECE - 2, PIECE - 1, PIECE, 2 * PIECE + 1])
@pytest.mark.parametrize("is_in_memory", [True, False])
def test_what_is_looked_for_is_found_wherever_it_lies(at: int, is_in_memory: bool) -> None:
    octets = bytes(at) + b"look" + bytes(PIECE)
    whole: Octets = octets if is_in_memory else spliced(octets, 3)

    assert at == find(whole, b"look", 0, len(octets))
    assert -1 == find(whole, b"look", at + 1, len(octets))
    assert -1 == find(whole, b"look", 0, at + 3)


# What is decoded, in blocks

ENCODED = {
    "base64": encodebytes(SOURCE).replace(b"\n", b"\r\n"),
    "quoted-printable": with_crlf(encodestring(SOURCE[: PIECE // 2])),
    "binary": SOURCE,
    "": SOURCE,
}


@pytest.mark.parametrize("encoding", ENCODED)
def test_a_file_comes_in_blocks_from_wherever_it_is_wanted(encoding: str) -> None:
    encoded = ENCODED[encoding]
    content = Decoded(spliced(encoded, 1, PIECE), encoding)
    whole = b"".join(Decoded(encoded, encoding).pieces())
    size = 320 * 1024

    assert len(whole) == content.size
    assert whole == content.whole()
    for start in (0, 1, size, PIECE + 7, len(whole) - 1, len(whole)):
        blocks = list(content.blocks(size, start))
        assert whole[start:] == b"".join(blocks)
        assert {size} >= set(map(len, blocks[:-1]))
        assert all(blocks)


def test_no_more_than_a_few_pieces_are_in_memory() -> None:
    largest = max(map(len, Decoded(spliced(ENCODED["base64"], 1), "base64").pieces()))

    assert largest <= PIECE
