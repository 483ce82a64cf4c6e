"""A mail's content while it is being received: in memory while small, else in a file.

The memory that all drafts may use together is bounded; a draft that would exceed the bound goes
to its file early.
"""

import asyncio
import errno
import hashlib
import os
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from io import FileIO
from pathlib import Path
from typing import Any, TypeVar, TypeVarTuple, Unpack

from edge.spool.group_commit import SpoolFull, SpoolUnavailable

IN_MEMORY_BYTES = 256 * 1024
"""Content above this is never whole in memory."""

_PIECE_BYTES = 64
"""What a piece takes besides its octets: who drips gives them in very many."""
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
Arguments = TypeVarTuple("Arguments")
Result = TypeVar("Result")


class MemoryBudget:
    """How much all drafts together hold in memory, in bytes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.used = 0

    def take(self, size: int) -> bool:
        if self.used + size > self._limit:
            return False
        self.used += size
        return True

    def give_back(self, size: int) -> None:
        self.used -= size


class Draft:
    """One mail's octets on their way into the spool. Ends by `abandon` or in `Spool.accept`."""

    def __init__(
        self, directory: Path, mail_id: str, announced: int, budget: MemoryBudget, disk: Executor
    ) -> None:
        """`announced` is the size that the client declared, 0 when it did not."""
        self.mail_id = mail_id
        self._directory = directory
        self.size = 0
        self._announced = announced
        self._budget = budget
        self._disk = disk
        self._hash = hashlib.sha256()
        self._pieces: list[bytes] = []
        self._held = 0
        # A file object, not its number: a write that is still under way in a thread when the
        # draft is abandoned must fail, not hit the file that gets the number next.
        self._file: FileIO | None = None

    @property
    def path(self) -> Path:
        return self._directory / file_name(self.mail_id)

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    @property
    def octets(self) -> bytes | None:
        """All of them so far, when they are in memory; None when they are in the file."""
        return b"".join(self._pieces) if self._file is None else None

    def take(self, piece: bytes) -> Coroutine[Any, Any, None] | None:
        """Take the next octets: the rest of it is to be awaited, when there is one.

        That raises SpoolFull or SpoolUnavailable.
        """
        self.size += len(piece)
        self._hash.update(piece)
        if not self._fits_in_memory(len(piece) + _PIECE_BYTES):
            return self._spill(piece)
        self._held += len(piece) + _PIECE_BYTES
        self._pieces.append(piece)
        return None

    async def seal(self) -> None:
        """Make the file durable, its name too. Raises SpoolFull or SpoolUnavailable."""
        assert self._file is not None
        await self._on_disk(_flush, self._file)
        await self._on_disk(_flush_directory, self._directory)

    def release(self) -> None:
        """Let go of memory and file handle. The content stays where it is durable."""
        self._budget.give_back(self._held)
        self._held = 0
        self._pieces.clear()
        if self._file is not None:
            self._file.close()
            self._file = None

    def abandon(self) -> None:
        """Leave nothing behind."""
        has_file = self._file is not None
        self.release()
        if has_file:
            self.path.unlink(missing_ok=True)

    def _fits_in_memory(self, size: int) -> bool:
        return (
            self._file is None
            and self._announced <= IN_MEMORY_BYTES
            and self.size <= IN_MEMORY_BYTES
            and self._held + size <= 2 * IN_MEMORY_BYTES
            and self._budget.take(size)
        )

    async def _spill(self, piece: bytes) -> None:
        if self._file is None:
            # In the event loop: a session that is cancelled meanwhile would leave the file open.
            self._file = self._create()
            self._pieces.append(piece)
            piece = b"".join(self._pieces)
            self._pieces.clear()
            self._budget.give_back(self._held)
            self._held = 0
        await self._on_disk(_write, self._file, piece)

    def _create(self) -> FileIO:
        try:
            return FileIO(self.path, "xb", opener=_open_privately)
        except OSError as error:
            raise self._fault(error) from error

    async def _on_disk(
        self, call: Callable[[Unpack[Arguments]], Result], *arguments: *Arguments
    ) -> Result:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._disk, call, *arguments)
        except OSError as error:
            raise self._fault(error) from error

    def _fault(self, error: OSError) -> SpoolUnavailable:
        kind = SpoolFull if error.errno in _NO_ROOM else SpoolUnavailable
        return kind(f"{file_name(self.mail_id)}: {error.strerror}")


def file_name(mail_id: str) -> str:
    return f"{mail_id}.eml"


def _open_privately(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)


def _write(file: FileIO, octets: bytes) -> None:
    unwritten = memoryview(octets)
    while unwritten:
        unwritten = unwritten[file.write(unwritten) :]


def _flush(file: FileIO) -> None:
    os.fsync(file.fileno())


def _flush_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
