"""Changes of the spool share a flush with those that come soon, and only where many do."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from edge.spool.group_commit import GroupCommit, SpoolUnavailable, Statement
from edge.spool.upkeep import Upkeep
from tests.edge.talk import until

_INSERT = Statement("INSERT INTO numbers VALUES ", "(?)")


class Book:
    """A database, and the statements that it was given."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.said: list[str] = []

    def connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._file, isolation_level=None)
        connection.execute("CREATE TABLE numbers (number)")
        connection.set_trace_callback(self.said.append)
        return connection


async def some_passes(number: int) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("together", "apart", "statements"),
    [(1, 5, 2), (8, 5, 1), (8, 60, 2)],
    ids=["alone", "among many", "among many, and late"],
)
async def test_a_change_waits_for_the_next_as_long_as_many_came_together_before(
    tmp_path: Path, together: int, apart: int, statements: int
) -> None:
    book = Book(tmp_path / "numbers.sqlite3")
    commits = GroupCommit(book.connect, Upkeep(book.connect))
    await asyncio.gather(*(commits.submit(_INSERT, (number,)) for number in range(together)))
    book.said.clear()
    first = commits.submit(_INSERT, (100,))
    await some_passes(apart)
    await asyncio.gather(first, commits.submit(_INSERT, (101,)))
    await commits.close()

    assert statements == sum("INSERT" in statement for statement in book.said)


async def test_after_a_fault_of_the_disk_nothing_more_is_tried(tmp_path: Path) -> None:
    book = Book(tmp_path / "numbers.sqlite3")
    commits = GroupCommit(book.connect, Upkeep(book.connect))
    await commits.submit(_INSERT, (1,))
    book.said.clear()
    with sqlite3.connect(tmp_path / "numbers.sqlite3", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        first = commits.submit(_INSERT, (2,))
        await until(lambda: book.said)
        second = commits.submit(_INSERT, (3,))
        await some_passes(5)
        (tmp_path / "numbers.sqlite3").write_bytes(b"no database" * 1000)
    other.close()
    ends = await asyncio.gather(first, second, return_exceptions=True)
    await commits.close()

    assert [SpoolUnavailable] * 2 == [type(end) for end in ends]
    assert 1 == sum("INSERT" in statement for statement in book.said)
