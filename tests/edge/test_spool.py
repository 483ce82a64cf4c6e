"""The spool: what it said is safe is safe, what it refused leaves nothing."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge.settings import SpoolSettings
from edge.spool import Draft, Spool, SpoolLocked, SpoolUnavailable
from edge.spool.draft import IN_MEMORY_BYTES
from handoff.ids import blob_name_of
from handoff.ticket import Content, Ticket, encode
from tests.builders import MAIL, a_ticket

LARGE = b"x" * (IN_MEMORY_BYTES + 1)


@pytest.fixture
async def spool(tmp_path: Path) -> AsyncIterator[Spool]:
    spool = Spool.open(SpoolSettings(directory=tmp_path))
    yield spool
    await spool.close()


async def write(draft: Draft, octets: bytes) -> None:
    rest = draft.take(octets)
    if rest is not None:
        await rest


async def put(
    spool: Spool, octets: bytes, announced: int = 0, age: timedelta = timedelta(0)
) -> Ticket:
    ticket = a_ticket(received_at=datetime.now(UTC).replace(microsecond=0) - age)
    draft = spool.draft(ticket.id, announced)
    try:
        for begin in range(0, len(octets), 60_000):
            await write(draft, octets[begin : begin + 60_000])
    except BaseException:
        draft.abandon()
        raise
    content = Content(size=draft.size, sha256=draft.sha256, blob=blob_name_of(ticket.id))
    ticket = ticket.model_copy(update={"content": content})
    await spool.accept(draft, encode(ticket))
    return ticket


async def reopened(tmp_path: Path) -> list[tuple[str, bytes]]:
    spool = Spool.open(SpoolSettings(directory=tmp_path))
    entries = await spool.next_entries(0, 10_000)
    await spool.close()
    return [(entry.ticket, entry.octets or entry.file.read_bytes()) for entry in entries]


@pytest.mark.parametrize("octets", [MAIL, LARGE])
async def test_what_was_accepted_is_there_after_a_restart(octets: bytes, tmp_path: Path) -> None:
    spool = Spool.open(SpoolSettings(directory=tmp_path))
    ticket = await put(spool, octets)
    await spool.close()

    assert [(encode(ticket), octets)] == await reopened(tmp_path)


async def test_many_at_once_keep_their_order_and_their_content(spool: Spool) -> None:
    mails = [str(number).encode() * 100 for number in range(300)]
    await asyncio.gather(*(put(spool, mail) for mail in mails))
    entries = await spool.next_entries(0, 1000)

    assert sorted(mails) == sorted(entry.octets or b"" for entry in entries)
    assert [entry.seq for entry in entries] == list(range(1, 301))
    assert spool.messages == 300


async def test_a_removed_entry_is_gone_with_its_file(spool: Spool, tmp_path: Path) -> None:
    await put(spool, LARGE)
    await put(spool, MAIL)
    for entry in await spool.next_entries(0, 10):
        await spool.remove(entry)

    assert await spool.next_entries(0, 10) == []
    assert (spool.messages, spool.octets) == (0, 0)
    assert list(tmp_path.glob("*.eml")) == []


async def test_a_held_entry_stays_and_is_not_offered(spool: Spool, tmp_path: Path) -> None:
    await put(spool, MAIL)
    (entry,) = await spool.next_entries(0, 10)
    await spool.hold(entry, "damaged")

    assert await spool.next_entries(0, 10) == []
    assert spool.messages == 1


async def test_many_entries_are_held_and_removed_at_once(spool: Spool) -> None:
    await asyncio.gather(*(put(spool, MAIL) for _ in range(300)))
    entries = await spool.next_entries(0, 1000)
    held, removed, kept = entries[:100], entries[100:200], entries[200:]
    await asyncio.gather(
        *(spool.hold(entry, f"reason {entry.seq}") for entry in held),
        *(spool.remove(entry) for entry in removed),
    )

    assert await spool.next_entries(0, 1000) == kept
    assert spool.messages == 200


async def test_large_content_is_never_whole_in_memory(tmp_path: Path) -> None:
    spool = Spool.open(SpoolSettings(directory=tmp_path))
    announced = spool.draft(a_ticket().id, len(LARGE))
    await write(announced, b"x")
    grown = spool.draft(a_ticket().id, 0)
    for _ in range(9):
        await write(grown, b"y" * (IN_MEMORY_BYTES // 8))

    assert announced.path.read_bytes() == b"x"
    assert grown.path.read_bytes() == b"y" * (IN_MEMORY_BYTES // 8 * 9)

    announced.abandon()
    grown.abandon()
    assert list(tmp_path.glob("*.eml")) == []

    await spool.close()


async def test_drafts_share_one_memory_budget(tmp_path: Path) -> None:
    spool = Spool.open(SpoolSettings(directory=tmp_path, memory_bytes=1100))
    first, second = spool.draft(a_ticket().id, 0), spool.draft(a_ticket().id, 0)
    await write(first, b"x" * 800)
    await write(second, b"y" * 800)

    assert not first.path.exists()
    assert second.path.read_bytes() == b"y" * 800

    first.abandon()
    second.abandon()
    third = spool.draft(a_ticket().id, 0)
    await write(third, b"z" * 1000)

    assert not third.path.exists()

    third.abandon()
    await spool.close()


async def test_a_drip_takes_no_more_memory_than_its_budget(tmp_path: Path) -> None:
    spool = Spool.open(SpoolSettings(directory=tmp_path))
    draft = spool.draft(a_ticket().id, 0)
    pieces = IN_MEMORY_BYTES // 16
    for _ in range(pieces):
        await write(draft, b"xy")

    assert draft.path.read_bytes() == b"xy" * pieces

    draft.abandon()
    await spool.close()


async def test_litter_of_a_crash_is_swept_and_nothing_else(tmp_path: Path) -> None:
    spool = Spool.open(SpoolSettings(directory=tmp_path))
    ticket = await put(spool, LARGE)
    await spool.close()
    litter, foreign = tmp_path / f"{a_ticket().id}.eml", tmp_path / "notes.eml"
    litter.write_bytes(b"torn")
    foreign.write_bytes(b"somebody's")

    assert [(encode(ticket), LARGE)] == await reopened(tmp_path)
    assert not litter.exists()
    assert foreign.exists()


async def test_one_spool_has_one_process(spool: Spool, tmp_path: Path) -> None:
    with pytest.raises(SpoolLocked, match=r"^spool\.directory .*: another process uses"):
        Spool.open(SpoolSettings(directory=tmp_path))


async def test_a_directory_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SpoolUnavailable) as error:
        Spool.open(SpoolSettings(directory=tmp_path / "file"))

    assert str(error.value) == f"spool.directory {tmp_path}/file: File exists"


async def test_room_is_bounded_by_what_waits_and_by_the_disk(tmp_path: Path) -> None:
    spool = Spool.open(SpoolSettings(directory=tmp_path, max_bytes=1000))
    await put(spool, b"x" * 900)

    assert spool.has_room_for(100)
    assert not spool.has_room_for(101)

    await spool.close()


async def test_a_disk_that_lost_writes_is_not_trusted_again(tmp_path: Path) -> None:
    spool = Spool.open(SpoolSettings(directory=tmp_path))
    await put(spool, MAIL)
    with (tmp_path / "spool.sqlite3").open("r+b") as database:
        database.write(b"\xff" * 8192)
    with sqlite3.connect(tmp_path / "spool.sqlite3") as other:
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    other.close()
    (tmp_path / "spool.sqlite3").write_bytes(b"no database" * 1000)
    for _ in range(2):
        with pytest.raises(SpoolUnavailable):
            await put(spool, MAIL)

    assert spool.fault is not None
    assert list(tmp_path.glob("*.eml")) == []

    await spool.close()


async def test_the_log_is_copied_and_begun_anew_while_mails_come_in(tmp_path: Path) -> None:
    spool = Spool.open(SpoolSettings(directory=tmp_path))
    for _ in range(300):
        await put(spool, b"x" * 240_000)
    megabytes = (tmp_path / "spool.sqlite3-wal").stat().st_size / 1e6

    assert spool.octets / 1e6 == 72
    assert megabytes < 60

    await spool.close()


async def test_a_session_that_ends_in_the_middle_leaves_no_torn_mail(tmp_path: Path) -> None:
    spool = Spool.open(SpoolSettings(directory=tmp_path))
    for passes in range(25):
        session = asyncio.create_task(put(spool, (MAIL, LARGE)[passes % 2]))
        for _ in range(passes):
            await asyncio.sleep(0)
        session.cancel()
        await asyncio.gather(session, return_exceptions=True)
    await put(spool, MAIL)
    await spool.close()
    found = await reopened(tmp_path)

    assert found
    assert all(octets in (MAIL, LARGE) for _, octets in found)
