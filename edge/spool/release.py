"""Let a held mail go, from outside: the edge that runs, or the next that starts, forwards it."""

import sqlite3
from pathlib import Path

from edge.spool.view import NoSpool

_RELEASE = "UPDATE entries SET held = NULL WHERE id = ? AND held IS NOT NULL"
_BUSY_SECONDS = 30


def release(directory: Path, mail_id: str) -> bool:
    """Durable when this returns; False when no such mail is held. Raises NoSpool."""
    database = directory / "spool.sqlite3"
    if not database.is_file():
        raise NoSpool(f"{directory}: no spool here (spool.sqlite3 is missing)")
    try:
        connection = sqlite3.connect(
            f"{database.absolute().as_uri()}?mode=rw",
            uri=True,
            isolation_level=None,
            timeout=_BUSY_SECONDS,
        )
        try:
            connection.execute("PRAGMA synchronous = FULL")
            return connection.execute(_RELEASE, (mail_id,)).rowcount > 0
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise NoSpool(
            f"{directory}: {error}; run this as the user of the edge or as root"
        ) from error
