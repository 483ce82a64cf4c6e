"""Commit many changes to the spool's database with one flush of the disk.

A thread of its own holds the only writing connection. While it waits for the disk, changes
gather; then it commits all of them at once. Nobody waits for a time: changes go to the disk as
soon as the event loop brings no more of them. One client alone waits for one pass of the loop;
where many have come together, a few passes more are worth a flush less. A change is durable when
its future is done; when the commit failed, every change of it has failed.
"""

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

from edge.spool.upkeep import Upkeep

Row = tuple[object, ...]
_MOST_PASSES = 80
"""Passes of the event loop that a change waits for others at most."""
_MOST_QUIET_PASSES = 16
"""Of these, such as bring no other, one after the other."""
_OCTETS_BESIDE_CONTENT = 1024
"""Of a row: its ticket, and its share of pages and indexes."""
_MOST_ROWS = 64
"""In one statement. A step of SQLite gives up the interpreter's lock, and has to get it again."""


class Statement(NamedTuple):
    """SQL for any number of rows: `head`, `row` for each with commas between, `tail`."""

    head: str
    row: str
    tail: str = ""
    frees: bool = False
    """Whether it leaves room behind."""


@lru_cache(1024)
def _sql(statement: Statement, rows: int) -> str:
    return statement.head + ", ".join([statement.row] * rows) + statement.tail


class SpoolUnavailable(Exception):
    """The disk did not take it. Nothing was accepted."""


class SpoolFull(SpoolUnavailable):
    """There is no room for it now."""


@dataclass
class _Batch:
    changes: dict[Statement, list[Row]] = field(default_factory=dict)
    waiting: list[asyncio.Future[None]] = field(default_factory=list)
    octets: int = 0
    """About as many go to the disk."""


class GroupCommit:
    """The writing side of the database. `submit` and `close` belong to the event loop."""

    def __init__(
        self,
        connect: Callable[[], sqlite3.Connection],
        upkeep: Upkeep,
    ) -> None:
        self._connect = connect
        self._upkeep = upkeep
        self._loop = asyncio.get_running_loop()
        self._gathering: _Batch | None = None
        self._together = 1
        """How many changes came together the last time."""
        self._batches: queue.SimpleQueue[_Batch | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="spool", daemon=True)
        self._thread.start()
        self.broken: str | None = None
        """Why the disk is no longer trusted, or None."""

    def submit(self, statement: Statement, row: Row, octets: int = 0) -> asyncio.Future[None]:
        """Have `statement` run with `row`, which holds so many octets of content.

        The future raises SpoolUnavailable or SpoolFull.
        """
        if self.broken is not None:
            raise SpoolUnavailable(self.broken)
        if self._gathering is None:
            self._gathering = _Batch()
            self._loop.call_soon(self._hand_over, 0, 0, _MOST_PASSES)
        done: asyncio.Future[None] = self._loop.create_future()
        self._gathering.changes.setdefault(statement, []).append(row)
        self._gathering.waiting.append(done)
        self._gathering.octets += octets + _OCTETS_BESIDE_CONTENT
        return done

    def distrust(self, reason: str) -> None:
        """Take no change any more: after a failed flush nothing tells what the disk holds."""
        self.broken = self.broken or reason

    async def close(self) -> None:
        """Commit what was submitted, then let go of the database."""
        self._hand_over(0, 0, 0)
        self._batches.put(None)
        await asyncio.to_thread(self._thread.join)

    def _hand_over(self, seen: int, quiet: int, passes: int) -> None:
        batch = self._gathering
        if batch is None:
            return
        together = len(batch.waiting)
        quiet = 0 if together > seen else quiet + 1
        if passes and quiet < min(self._together, _MOST_QUIET_PASSES):
            self._loop.call_soon(self._hand_over, together, quiet, passes - 1)
            return
        self._gathering, self._together = None, together
        self._batches.put(batch)

    def _run(self) -> None:
        connection = self._connect()
        lost: sqlite3.Error | None = None
        """What has shown that the disk is not to be trusted: nothing is tried behind it."""
        try:
            while (batch := self._batches.get()) is not None:
                batches = [batch, *self._others_waiting()]
                fault = lost or _commit(connection, batches)
                self._loop.call_soon_threadsafe(self._settle, batches, fault)
                fault = fault or self._keep_up(connection, batches)
                if fault is not None and _is_of_the_disk(fault):
                    lost = fault
                    self._loop.call_soon_threadsafe(self.distrust, str(_meaning(fault)))
        finally:
            self._upkeep.close()
            connection.close()

    def _keep_up(
        self, connection: sqlite3.Connection, batches: list[_Batch]
    ) -> sqlite3.Error | None:
        left_room = any(statement.frees for batch in batches for statement in batch.changes)
        try:
            self._upkeep.after_commit(connection, sum(batch.octets for batch in batches))
            if left_room and self._batches.empty():
                self._upkeep.give_space_back(connection)
        except sqlite3.Error as fault:
            return fault  # somebody reads, or there is no room: after another commit, then
        return None

    def _others_waiting(self) -> Sequence[_Batch]:
        others = []
        for _ in range(self._batches.qsize()):
            other = self._batches.get()
            if other is None:
                self._batches.put(None)
                break
            others.append(other)
        return others

    def _settle(self, batches: list[_Batch], fault: sqlite3.Error | None) -> None:
        failure = None if fault is None else _meaning(fault)
        if fault is not None and _is_of_the_disk(fault):
            self.distrust(str(failure))
        for batch in batches:
            for done in batch.waiting:
                if done.cancelled():
                    continue
                if failure is None:
                    done.set_result(None)
                else:
                    done.set_exception(failure)


def _commit(connection: sqlite3.Connection, batches: list[_Batch]) -> sqlite3.Error | None:
    changes = [
        (_sql(statement, len(rows)), tuple(chain.from_iterable(rows)))
        for batch in batches
        for statement, every in batch.changes.items()
        for rows in _portions(every)
    ]
    try:
        if len(changes) == 1:  # a transaction by itself
            connection.execute(*changes[0])
            return None
        connection.execute("BEGIN IMMEDIATE")
        for change in changes:
            connection.execute(*change)
        connection.execute("COMMIT")
    except sqlite3.Error as fault:
        if connection.in_transaction:
            try:
                connection.execute("ROLLBACK")
            except sqlite3.Error as second_fault:
                return second_fault
        return fault
    return None


def _portions(rows: list[Row]) -> list[list[Row]]:
    return [rows[begin : begin + _MOST_ROWS] for begin in range(0, len(rows), _MOST_ROWS)]


def _is_of_the_disk(fault: sqlite3.Error) -> bool:
    code = getattr(fault, "sqlite_errorcode", sqlite3.SQLITE_IOERR) & 0xFF
    return code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _meaning(fault: sqlite3.Error) -> SpoolUnavailable:
    if getattr(fault, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
        return SpoolFull("the disk is full")
    return SpoolUnavailable(f"{getattr(fault, 'sqlite_errorname', 'SQLite')}: {fault}")
