"""Octets in a file are those in memory, whatever is asked of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handoff.octets import PIECE, FileOctets, pieces_of, pieces_with_crlf, with_crlf

WHOLE = bytes(range(256)) * (3 * PIECE // 256) + b"end"


@pytest.fixture(scope="module")
def in_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FileOctets]:
    path: Path = tmp_path_factory.mktemp("octets") / "whole"
    path.write_bytes(WHOLE)
    with path.open("rb") as file:
        yield FileOctets(file.fileno(), len(WHOLE))


@pytest.mark.parametrize(
    "place",
    [
        slice(None),
        slice(0, 0),
        slice(5, 3),
        slice(-3, None),
        slice(PIECE - 1, PIECE + 1),
        slice(len(WHOLE) - 1, len(WHOLE) + 9),
        slice(len(WHOLE) + 1, None),
    ],
    ids=str,
)
def test_a_slice_of_a_file_is_one_of_bytes(in_file: FileOctets, place: slice) -> None:
    assert WHOLE[place] == in_file[place]
    assert len(WHOLE) == len(in_file)


def test_a_file_comes_in_pieces(in_file: FileOctets) -> None:
    sizes = [len(piece) for piece in pieces_of(in_file)]

    assert [PIECE, PIECE, PIECE, 3] == sizes
    assert WHOLE == b"".join(pieces_of(in_file))
    assert [WHOLE[5:9]] == list(pieces_of(in_file, 5, 9))


def test_what_is_in_memory_comes_as_it_is() -> None:
    assert [WHOLE] == list(pieces_of(WHOLE))
    assert [WHOLE[5:]] == list(pieces_of(WHOLE, 5))


def test_a_file_that_was_cut_off_is_noticed(in_file: FileOctets, tmp_path: Path) -> None:
    path = tmp_path / "short"
    path.write_bytes(b"short")
    with path.open("rb") as file, pytest.raises(EOFError):
        FileOctets(file.fileno(), 9)[:]


@given(st.lists(st.text("\r\nab", max_size=4).map(str.encode), max_size=9))
def test_lines_are_whole_wherever_the_pieces_are_cut(pieces: list[bytes]) -> None:
    assert with_crlf(b"".join(pieces)) == b"".join(pieces_with_crlf(pieces))
