"""A disk and a resolver that fail, below an edge that is tried; and what a spool holds."""

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
from torture import disk, resolver
from torture.disk import FaultyDisk
from torture.preloaded import compiled
from torture.resolver import FaultyResolver

needs_compiler = pytest.mark.skipif(
    shutil.which("cc") is None, reason="no C compiler (cc) here: what fails is made with it"
)
SMALL = b"Subject: small\r\n\r\n" + b"0123456789\r\n" * 40
LARGE = b"Subject: large\r\n\r\n" + b"0123456789\r\n" * 26_000
"""Goes to a file of its own."""


class Edge(program.Edge):
    """One that starts at once."""

    program = Forked


@cache
def _library(source: Path) -> Path:
    """Compiled once, and one for all, so that all programs are forked from the same."""
    workshop = tempfile.TemporaryDirectory(prefix="preloaded-")
    atexit.register(workshop.cleanup)
    return compiled(source, Path(workshop.name))


def a_disk(directory: Path) -> FaultyDisk:
    return FaultyDisk(directory / "spool", directory / "workshop", _library(disk.SOURCE))


def a_resolver(directory: Path) -> FaultyResolver:
    return FaultyResolver(directory, _library(resolver.SOURCE))


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
