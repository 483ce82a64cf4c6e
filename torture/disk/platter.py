"""What is really on a disk: a model of what a power cut leaves.

As strict as POSIX: octets are there when their file was flushed, a name when its directory was;
what was written since then may be there or not, whole or in part, in any order. A flush that
failed has dropped what it should have written, and the next one does not bring it back.
"""

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from torture.disk import record
from torture.disk.record import Record

_SECTOR = 512
_NEVER_DURABLE = "-shm"  # a memory map that SQLite makes anew after a crash


@dataclass
class _File:
    durable: bytearray = field(default_factory=bytearray)
    pending: list[Record] = field(default_factory=list)
    has_durable_name: bool = False

    def flush(self) -> None:
        for change in self.pending:
            _apply(self.durable, change)
        self.pending.clear()


class Platter:
    """The disk below one directory, as it would be after each record."""

    def __init__(self, lies_about: str = "") -> None:
        """`lies_about`: flushes of files whose names end so do nothing; `/` is the directory."""
        self._lies_about = lies_about
        self._files: dict[str, _File] = {}
        self._unlinked: dict[str, _File] = {}
        self.promised: set[str] = set()
        """The mails whose clients may have heard 250."""

    def take_over(self, directory: Path) -> None:
        """Begin with what lies in `directory`, all of it durable."""
        for path in directory.iterdir():
            if path.is_file():
                self._files[path.name] = _File(bytearray(path.read_bytes()), [], True)

    def turn(self, records: Iterable[Record]) -> None:
        for one in records:
            self._take(one)

    def _take(self, one: Record) -> None:
        if one.kind == record.PROMISE:
            self.promised.add(one.octets.decode("ascii"))
        elif one.kind == record.FLUSH_DIRECTORY:
            self._flush_names()
        elif one.kind == record.UNLINK:
            gone = self._files.pop(one.name, None)
            if gone is not None and gone.has_durable_name:
                self._unlinked[one.name] = gone
        elif one.kind == record.CREATE:
            self._files.setdefault(one.name, _File())
        elif one.kind in (record.WRITE, record.TRUNCATE):
            self._files.setdefault(one.name, _File()).pending.append(one)
        elif one.kind == record.FAILED_FLUSH:
            self._files.setdefault(one.name, _File()).pending.clear()
        elif one.kind == record.FLUSH and not self._is_lie(one.name):
            self._files.setdefault(one.name, _File()).flush()

    def _flush_names(self) -> None:
        if self._lies_about == "/":
            return
        for file in self._files.values():
            file.has_durable_name = True
        self._unlinked.clear()

    def _is_lie(self, name: str) -> bool:
        return bool(self._lies_about) and name.endswith(self._lies_about)

    def cut_power(self, into: Path, chance: random.Random | None = None) -> None:
        """Write into directory `into` what is left. Without `chance`: only what was flushed."""
        into.mkdir(parents=True, exist_ok=True)
        for name, file in (self._unlinked | self._files).items():
            if name.endswith(_NEVER_DURABLE):
                continue
            if name in self._files and not file.has_durable_name and not _falls(chance):
                continue
            if name not in self._files and _falls(chance):
                continue
            octets = bytearray(file.durable)
            for change in file.pending:
                if _falls(chance):
                    _apply(octets, _torn(change, chance))
            (into / name).write_bytes(octets)


def _falls(chance: random.Random | None) -> bool:
    """Whether something that nobody had flushed has happened all the same."""
    return chance is not None and chance.random() < 0.5


def _torn(change: Record, chance: random.Random | None) -> Record:
    if chance is None or chance.random() < 0.5 or len(change.octets) <= _SECTOR:
        return change
    sectors = chance.randrange(1, -(-len(change.octets) // _SECTOR))
    return Record(change.kind, change.name, change.offset, change.octets[: sectors * _SECTOR])


def _apply(octets: bytearray, change: Record) -> None:
    if change.kind == record.TRUNCATE:
        del octets[change.offset :]
        octets.extend(bytes(change.offset - len(octets)))
        return
    gap = change.offset - len(octets)
    if gap > 0:
        octets.extend(bytes(gap))
    octets[change.offset : change.offset + len(change.octets)] = change.octets
