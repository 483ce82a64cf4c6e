"""A start finds what waits without reading all of it, and an empty spool gives its space back."""

import asyncio
import sqlite3
import time
from datetime import UTC, datetime
from pathlib import Path

from edge.settings import SpoolSettings
from edge.spool import Spool
from handoff.ids import new_id
from handoff.ticket import encode
from tests.builders import a_ticket
from tests.edge.test_forwarder import until
from tests.edge.test_spool import put

MAILS = 100_000
OCTETS = 1_000
ONE_FILE_IN = 50
MOST_SECONDS = 2


async def a_full_spool(directory: Path, mails: int, octets: int) -> None:
    spool = Spool.open(SpoolSettings(directory=directory))
    await spool.close()
    ticket, now = encode(a_ticket()), datetime.now(UTC)
    rows = []
    for seq in range(1, mails + 1):
        mail_id, has_file = new_id(now), seq % ONE_FILE_IN == 0
        if has_file:
            (directory / f"{mail_id}.eml").write_bytes(b"x")
        rows.append((seq, mail_id, ticket, octets, None if has_file else b"x" * octets))
    with sqlite3.connect(directory / "spool.sqlite3") as database:
        database.executemany(
            "INSERT INTO entries (seq, id, ticket, size, octets) VALUES (?, ?, ?, ?, ?)", rows
        )
    database.close()


async def test_a_start_with_100_000_waiting_mails_is_quick(tmp_path: Path) -> None:
    await a_full_spool(tmp_path, MAILS, OCTETS)
    began = time.monotonic()
    spool = Spool.open(SpoolSettings(directory=tmp_path))
    first = await spool.next_entries(0, 1)
    took = time.monotonic() - began
    await spool.close()

    assert (spool.messages, spool.octets) == (MAILS, MAILS * OCTETS)
    assert [entry.seq for entry in first] == [1]
    assert len(list(tmp_path.glob("*.eml"))) == MAILS // ONE_FILE_IN
    assert took < MOST_SECONDS


async def test_what_a_start_asks_is_answered_without_the_content(tmp_path: Path) -> None:
    spool = Spool.open(SpoolSettings(directory=tmp_path))
    await spool.close()
    asked = (
        "SELECT coalesce(max(seq), 0), count(*), coalesce(sum(size), 0) FROM entries",
        "SELECT id FROM entries WHERE octets IS NULL",
    )
    with sqlite3.connect(tmp_path / "spool.sqlite3") as database:
        plans = [str(database.execute(f"EXPLAIN QUERY PLAN {one}").fetchall()) for one in asked]
    database.close()

    assert ["COVERING INDEX" in one for one in plans] == [True, True]


async def test_an_empty_spool_gives_its_space_back(tmp_path: Path) -> None:
    await a_full_spool(tmp_path, 3_000, 60_000)
    database = tmp_path / "spool.sqlite3"
    large = database.stat().st_size
    spool = Spool.open(SpoolSettings(directory=tmp_path))
    while entries := await spool.next_entries(0, 200):
        await asyncio.gather(*(spool.remove(entry) for entry in entries))
    await put(spool, b"one more")
    for entry in await spool.next_entries(0, 1):
        await spool.remove(entry)
    # Not once it is told to close: then it has no time for that.
    await until(lambda: database.stat().st_size < 1_000_000)
    await spool.close()

    assert large > 150_000_000
