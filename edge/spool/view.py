"""Look into a spool without touching it: of a running edge, or of one that is dead.

Reads only, and never waits for the writer nor lets it wait. What is seen is a moment: a mail may
have left when somebody looks for it again.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_COLUMNS = "seq, id, ticket, size, held"
_LIST = f"SELECT {_COLUMNS} FROM entries ORDER BY seq LIMIT ?"
_FIND = f"SELECT {_COLUMNS} FROM entries WHERE id = ? ORDER BY seq LIMIT 1"
_TOTALS = "SELECT count(*), coalesce(sum(size), 0), count(held) FROM entries"
_OCTETS = "SELECT octets FROM entries WHERE seq = ?"
_PIECE = 1024 * 1024


class NoSpool(Exception):
    """There is no spool that can be read. The text says why, and what to do."""


class ContentGone(Exception):
    """The mail is in the spool, and its content is not; or it has just left."""


@dataclass(frozen=True)
class SpooledMail:
    """A mail that waits."""

    seq: int
    id: str
    size: int
    held: str | None
    """Why it is not forwarded; None when it is."""
    ticket: dict[str, Any]
    """As it will be queued, but without a client's sealed credential."""


@dataclass(frozen=True)
class Totals:
    mails: int
    octets: int
    held: int


class SpoolView:
    """The spool in one directory. Made by `open_view`."""

    def __init__(self, directory: Path, connection: sqlite3.Connection) -> None:
        self._directory = directory
        self._connection = connection

    def totals(self) -> Totals:
        return Totals(*self._connection.execute(_TOTALS).fetchone())

    def mails(self, most: int) -> Iterator[SpooledMail]:
        """The first `most` in the order in which they leave."""
        return map(_mail, self._connection.execute(_LIST, (most,)))

    def find(self, mail_id: str) -> SpooledMail | None:
        row = self._connection.execute(_FIND, (mail_id,)).fetchone()
        return None if row is None else _mail(row)

    def pieces(self, mail: SpooledMail) -> Iterator[bytes]:
        """The content as it was accepted. Raises ContentGone before the first piece."""
        row = self._connection.execute(_OCTETS, (mail.seq,)).fetchone()
        if row is None:
            raise ContentGone(f"{mail.id} has just left the spool")
        if row[0] is not None:
            return iter([row[0]])
        try:
            return _read(self._directory / f"{mail.id}.eml")
        except OSError as error:
            raise ContentGone(f"{mail.id}.eml: {error.strerror}") from error


@contextmanager
def open_view(directory: Path) -> Iterator[SpoolView]:
    """Open the spool of `directory`. Raises NoSpool."""
    connection = _connect(directory)
    try:
        yield SpoolView(directory, connection)
    finally:
        connection.close()


def _connect(directory: Path) -> sqlite3.Connection:
    database = directory / "spool.sqlite3"
    if not database.is_file():
        raise NoSpool(f"{directory}: no spool here (spool.sqlite3 is missing)")
    log = Path(f"{database}-wal")
    try:
        # Where nothing may be written, a database that nobody has open is read as it lies there.
        is_at_rest = not log.exists() or log.stat().st_size == 0
        for mode in ("mode=ro", "immutable=1") if is_at_rest else ("mode=ro",):
            connection = sqlite3.connect(f"{database.absolute().as_uri()}?{mode}", uri=True)
            try:
                connection.execute(_TOTALS).fetchone()
            except sqlite3.OperationalError:
                connection.close()
                continue
            return connection
    except (sqlite3.Error, OSError) as error:
        raise NoSpool(f"{directory}: {error}") from error
    raise NoSpool(
        f"{directory}: cannot be opened; run this as the user of the edge or as root, and copy the "
        "directory first when it lies where nothing can be written"
    )


def _mail(row: tuple[int, str, str, int, str | None]) -> SpooledMail:
    seq, mail_id, text, size, held = row
    ticket = json.loads(text)
    if ticket.get("send_as", {}).get("sealed"):
        ticket["send_as"]["sealed"] = "(sealed)"
    return SpooledMail(seq, mail_id, size, held, ticket)


def _read(file: Path) -> Iterator[bytes]:
    stream = file.open("rb")

    def pieces() -> Iterator[bytes]:
        with stream:
            while piece := stream.read(_PIECE):
                yield piece

    return pieces()
