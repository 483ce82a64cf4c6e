"""Octets that are cut out of others and put together, and a search in them. Pure.

So a body in a file is changed without being read: what changes is put between what stays.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from handoff.octets import PIECE, Octets


@dataclass(frozen=True, slots=True)
class Section:
    """`whole[start:end]`, not cut out yet."""

    whole: Octets
    start: int
    end: int


class Splice:
    """Sections one behind the other, as Octets."""

    def __init__(self, sections: Sequence[Section]) -> None:
        self._sections = [section for section in sections if section.start < section.end]
        self._starts = [0]
        for section in self._sections:
            self._starts.append(self._starts[-1] + section.end - section.start)

    def __len__(self) -> int:
        return self._starts[-1]

    def __getitem__(self, place: slice, /) -> bytes:
        start, stop, _ = place.indices(len(self))
        return b"".join(self._within(start, stop))

    def _within(self, start: int, stop: int) -> Iterator[bytes]:
        number = bisect_right(self._starts, start) - 1
        while start < stop:
            section, begins = self._sections[number], self._starts[number]
            ends = min(stop, self._starts[number + 1])
            shift = section.start - begins
            yield section.whole[start + shift : ends + shift]
            start, number = ends, number + 1


def section_of(octets: Octets, start: int, end: int) -> Octets:
    """`octets[start:end]`; not read yet, unless it lies in memory."""
    if isinstance(octets, bytes):
        return octets[start:end]
    return Splice([Section(octets, start, end)])


def find(octets: Octets, wanted: bytes, start: int, end: int) -> int:
    """Where `wanted` begins in `octets[start:end]`; -1 when it does not."""
    if isinstance(octets, bytes):
        return octets.find(wanted, start, end)
    for at in range(start, end, PIECE):
        found = octets[at : min(at + PIECE + len(wanted) - 1, end)].find(wanted)
        if found >= 0:
            return at + found
    return -1
