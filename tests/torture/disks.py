"""A disk that fails, below the spool of an edge that is tried; and what a spool holds."""

import atexit
import hashlib
import shutil
import tempfile
from functools import cache
from pathlib import Path

import pytest

from edge.settings import SpoolSettings
from edge.spool import Spool
from handoff.ticket import decode
from tests.edge import program
from tests.forked import Forked
from torture.disk import FaultyDisk, compiled

needs_compiler = pytest.mark.skipif(
    shutil.which("cc") is None, reason="no C compiler (cc) here: the failing disk is made with it"
)
SMALL = b"Subject: small\r\n\r\n" + b"0123456789\r\n" * 40
LARGE = b"Subject: large\r\n\r\n" + b"0123456789\r\n" * 26_000
"""Goes to a file of its own."""


class Edge(program.Edge):
    """One that starts at once."""

    program = Forked


@cache
def _library() -> Path:
    """Compiled once, and one for all, so that all programs are forked from the same."""
    workshop = tempfile.TemporaryDirectory(prefix="disk-")
    atexit.register(workshop.cleanup)
    return compiled(Path(workshop.name))


def a_disk(directory: Path) -> FaultyDisk:
    return FaultyDisk(directory / "spool", directory / "workshop", _library())


async def whole_mails(directory: Path) -> set[str]:
    """The ids of all mails of a spool that nobody uses; each must be whole."""
    spool = Spool.open(SpoolSettings(directory=directory))
    try:
        entries = await spool.next_entries(0, 100_000)
        for entry in entries:
            octets = entry.octets if entry.octets is not None else entry.file.read_bytes()

            assert decode(entry.ticket).content.sha256 == hashlib.sha256(octets).hexdigest()
        return {entry.id for entry in entries}
    finally:
        await spool.close()
