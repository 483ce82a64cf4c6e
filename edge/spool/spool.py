"""The durable local queue between the listener and the forwarder.

`accept` returns only when a power cut would lose nothing: a file and its name are flushed first,
then the row that names it is committed. A file without a row is litter, swept at the next start;
a row without its file would be a broken promise. Entries leave in the order of their commit.
"""

import asyncio
import fcntl
import os
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from edge.departures import Departures
from edge.settings import SpoolSettings
from edge.spool.draft import Draft, MemoryBudget, file_name
from edge.spool.group_commit import GroupCommit, SpoolFull, SpoolUnavailable, Statement
from edge.spool.upkeep import Upkeep
from handoff.ids import is_id

_INSERT = Statement(
    "INSERT INTO entries (seq, id, ticket, size, octets) VALUES ", "(?, ?, ?, ?, ?)"
)
_DELETE = Statement("DELETE FROM entries WHERE seq IN (", "?", ")", frees=True)
_HOLD = Statement(
    "UPDATE entries SET held = new.column1 FROM (VALUES ",
    "(?, ?)",
    ") AS new WHERE seq = new.column2",
)
_NEXT = (
    "SELECT seq, id, ticket, size, octets FROM entries"
    " WHERE seq > ? AND held IS NULL ORDER BY seq LIMIT ?"
)
_SCHEMA = """
CREATE TABLE IF NOT EXISTS entries (
    seq INTEGER PRIMARY KEY,   -- order of commit
    id TEXT NOT NULL,          -- the mail's id
    ticket TEXT NOT NULL,      -- its ticket, naming the blob that the content would go to
    size INTEGER NOT NULL,     -- octets of the content
    octets BLOB,               -- the content; NULL when it is in the file <id>.eml
    held TEXT                  -- why it is not forwarded; NULL when it is
);
-- What a start has to know is in these alone: it must not read gigabytes of content for it.
CREATE INDEX IF NOT EXISTS sizes ON entries (size);
CREATE INDEX IF NOT EXISTS files ON entries (octets, id) WHERE octets IS NULL;
CREATE INDEX IF NOT EXISTS held ON entries (seq) WHERE held IS NOT NULL;
"""
_WRITER_PRAGMAS = (
    "PRAGMA synchronous = FULL",
    "PRAGMA wal_autocheckpoint = 0",  # see Upkeep
    "PRAGMA cache_size = -16000",
)

_PAGE_BYTES = 8192
"""Of a new database: room for several small mails, so that fewer pages are written."""
_LOOK_SECONDS = 0.1
"""Between two looks at the disk: what comes in meanwhile is far less than the reserve."""


class SpoolLocked(Exception):
    """Another process uses this spool."""


@dataclass(frozen=True)
class SpoolEntry:
    """A mail that waits for the forwarder."""

    seq: int
    id: str
    ticket: str
    size: int
    octets: bytes | None
    """None when the content is in `file`."""
    file: Path


class Spool:
    """One directory, one process. `open` it inside the event loop that uses it."""

    def __init__(self, settings: SpoolSettings, lock: IO[str], connection: sqlite3.Connection):
        self._settings = settings
        self._lock = lock
        self._reader = connection
        self._disk = ThreadPoolExecutor(4, thread_name_prefix="spool-file")
        self._read_thread = ThreadPoolExecutor(1, thread_name_prefix="spool-read")
        self._memory = MemoryBudget(settings.memory_bytes)
        last, self.messages, self.octets = connection.execute(
            "SELECT coalesce(max(seq), 0), count(*), coalesce(sum(size), 0) FROM entries"
        ).fetchone()
        self._last_seq: int = last
        held = connection.execute("SELECT seq FROM entries WHERE held IS NOT NULL")
        self.held: set[int] = {seq for (seq,) in held}
        """What is not forwarded, until somebody releases it."""
        self._commits = GroupCommit(
            lambda: _connect(settings.directory, _WRITER_PRAGMAS),
            Upkeep(lambda: _connect(settings.directory)),
        )
        self._looked_at, self._free, self._is_read_only = float("-inf"), 0, False
        self.arrival = asyncio.Event()
        """Set when an entry was accepted; whoever waits for entries clears it."""
        self.departures = Departures()

    @classmethod
    def open(cls, settings: SpoolSettings) -> "Spool":
        """Open or create the spool and sweep what a crash left.

        Raises SpoolLocked, or SpoolUnavailable when the directory cannot be used.
        """
        directory = settings.directory
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = (directory / "lock").open("w")
        except OSError as error:
            raise SpoolUnavailable(f"spool.directory {directory}: {error.strerror}") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            connection = _connect(directory)
            connection.executescript(_SCHEMA)
            _sweep(directory, connection)
            return cls(settings, lock, connection)
        except BlockingIOError as error:
            lock.close()
            raise SpoolLocked(
                f"spool.directory {directory}: another process uses this spool"
            ) from error
        except (sqlite3.Error, OSError) as error:
            lock.close()
            raise SpoolUnavailable(f"spool.directory {directory}: {error}") from error

    @property
    def fault(self) -> str | None:
        """Why nothing can be accepted any more, or None."""
        return self._commits.broken

    @property
    def is_writable(self) -> bool:
        """Whether the disk takes anything: it is trusted, and not read-only."""
        self._look()
        return self.fault is None and not self._is_read_only

    def has_room_for(self, size: int) -> bool:
        """Whether `size` more octets may come in."""
        if self.octets + size > self._settings.max_bytes:
            return False
        self._look()
        return self._free - size > self._settings.reserve_bytes

    def _look(self) -> None:
        """See how the disk is; what is known of it is a moment old at most."""
        now = time.monotonic()
        if now < self._looked_at + _LOOK_SECONDS:
            return
        self._looked_at = now
        try:
            found = os.statvfs(self._settings.directory)
        except OSError:
            self._free = 0
            return
        self._free = found.f_bavail * found.f_frsize
        # A kernel that meets a fault of the disk mounts it so.
        self._is_read_only = bool(found.f_flag & os.ST_RDONLY)

    def draft(self, mail_id: str, announced: int) -> Draft:
        """Begin to receive a mail; `announced` octets, or 0 when the client did not say."""
        return Draft(self._settings.directory, mail_id, announced, self._memory, self._disk)

    async def accept(self, draft: Draft, ticket: str) -> None:
        """Make the mail durable. When this returns it is safe; when it raises, nothing is left.

        `ticket` is its queue message, which names the blob that the content would go to.

        Raises SpoolFull or SpoolUnavailable. Cancelled, it may end either way.
        """
        try:
            octets = draft.octets
            if octets is None:
                await self._seal(draft)
            self._last_seq += 1
            row = (self._last_seq, draft.mail_id, ticket, draft.size, octets)
            committed = self._commits.submit(_INSERT, row, 0 if octets is None else draft.size)
        except BaseException:
            draft.abandon()
            raise
        try:
            await committed
        except (SpoolUnavailable, asyncio.CancelledError):
            if self.fault is None and committed.done() and not committed.cancelled():
                draft.abandon()
            else:
                # The row may be on the disk all the same, or yet be written: then it must find its
                # file. Without the row the next start sweeps it.
                draft.release()
            raise
        draft.release()
        self.messages += 1
        self.octets += draft.size
        self.arrival.set()

    async def next_entries(self, after: int, limit: int) -> list[SpoolEntry]:
        """Up to `limit` entries behind sequence number `after`, held ones left out."""
        loop = asyncio.get_running_loop()
        rows = await loop.run_in_executor(self._read_thread, self._read, after, limit)
        return [SpoolEntry(*row, file=self._file_of(row[1])) for row in rows]

    async def remove(self, entry: SpoolEntry) -> None:
        """Forget an entry that is safe elsewhere. Raises SpoolUnavailable."""
        await self._commits.submit(_DELETE, (entry.seq,))
        self.messages -= 1
        self.octets -= entry.size
        if entry.octets is None:
            with suppress(OSError):  # it is litter now, which the next start sweeps
                await asyncio.get_running_loop().run_in_executor(self._disk, _unlink, entry.file)

    async def hold(self, entry: SpoolEntry, reason: str) -> None:
        """Keep an entry without forwarding it, for somebody to look. Raises SpoolUnavailable."""
        await self._commits.submit(_HOLD, (reason, entry.seq))
        self.held.add(entry.seq)

    async def released(self) -> list[SpoolEntry]:
        """What was held and is so no more, since `release` has been called from another process."""
        found = [
            entry for seq in sorted(self.held) for entry in await self.next_entries(seq - 1, 1)
        ]
        entries = [entry for entry in found if entry.seq in self.held]
        self.held.difference_update(entry.seq for entry in entries)
        return entries

    async def close(self) -> None:
        await self._commits.close()
        self._disk.shutdown()
        self._read_thread.shutdown()
        self._reader.close()
        self._lock.close()

    async def _seal(self, draft: Draft) -> None:
        try:
            await draft.seal()
        except SpoolFull:
            raise
        except SpoolUnavailable as error:
            self._commits.distrust(str(error))
            raise

    def _read(self, after: int, limit: int) -> list[tuple[int, str, str, int, bytes | None]]:
        return self._reader.execute(_NEXT, (after, limit)).fetchall()

    def _file_of(self, mail_id: str) -> Path:
        return self._settings.directory / file_name(mail_id)


def _connect(directory: Path, pragmas: tuple[str, ...] = ()) -> sqlite3.Connection:
    connection = sqlite3.connect(
        directory / "spool.sqlite3",
        isolation_level=None,
        check_same_thread=False,
        timeout=30,
        cached_statements=256,
    )
    connection.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
    mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if mode != "wal":
        raise sqlite3.OperationalError(f"journal mode is {mode}: a local file system is needed")
    for pragma in pragmas:
        connection.execute(pragma)
    return connection


def _sweep(directory: Path, connection: sqlite3.Connection) -> None:
    rows = connection.execute("SELECT id FROM entries WHERE octets IS NULL")
    named = {mail_id for (mail_id,) in rows}
    for file in directory.glob("*.eml"):
        if is_id(file.stem) and file.stem not in named:
            _unlink(file)


def _unlink(file: Path) -> None:
    file.unlink(missing_ok=True)
