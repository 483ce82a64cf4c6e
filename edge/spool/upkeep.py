"""What the spool's database needs beside commits: its log copied back, and room given back.

Mails go to the end of a log, which is copied into the database and begun anew now and then.
SQLite would do that inside a commit, which waits for all of it, and would keep to itself that the
disk failed. So most of it is copied beside the commits, and every fault is told.
"""

import sqlite3
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

_LONG_LOG = 32 * 1024 * 1024
"""Octets after which it is copied. SQLite's own mark for it is 4 MB."""
_COPY = "PRAGMA wal_checkpoint(PASSIVE)"
_ANY = "SELECT 1 FROM entries LIMIT 1"
_MANY_FREE_PAGES = 8192
"""64 MiB. Fewer are kept: the next mails fill them."""


class Upkeep:
    """Belongs to the thread that commits. The connections are not used by anybody else."""

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self._connect = connect
        self._beside = ThreadPoolExecutor(1, thread_name_prefix="spool-upkeep")
        self._written = 0
        self._copying: Future[None] | None = None

    def after_commit(self, connection: sqlite3.Connection, octets: int) -> None:
        """Have the log copied when it has got long; a commit wrote about `octets` to it.

        Raises sqlite3.Error, also when it was the copying beside earlier commits that failed.
        """
        self._written += octets
        if self._copying is None:
            if self._written >= _LONG_LOG:
                self._copying = self._beside.submit(self._copy)
        elif self._copying.done():
            copying, self._copying, self._written = self._copying, None, 0
            copying.result()
            # What was written meanwhile: when nothing is left, the log begins anew.
            connection.execute(_COPY).fetchall()

    def give_space_back(self, connection: sqlite3.Connection) -> None:
        """Make the database small again when a backlog has gone: there is nothing to copy then.

        Raises sqlite3.Error.
        """
        (free,) = connection.execute("PRAGMA freelist_count").fetchone()
        if free < _MANY_FREE_PAGES or connection.execute(_ANY).fetchone():
            return
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def close(self) -> None:
        self._beside.shutdown()

    def _copy(self) -> None:
        connection = self._connect()
        try:
            connection.execute(_COPY).fetchall()
        finally:
            connection.close()
