"""When something breaks on our side: the client keeps its mail, and nothing stays behind."""

import asyncio
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from edge.spool.draft import IN_MEMORY_BYTES
from tests.edge.door import LEGACY, PRINTER, Door, open_door, trusting_context
from tests.edge.talk import talk, until

KNOWN = {"listeners": [LEGACY], "devices": [PRINTER]}
LARGE = b"x" * (IN_MEMORY_BYTES + 1) + b"\r\n"


class BrokenClock:
    """Tells the time, but for the first times that it is asked."""

    def __init__(self, faults: int) -> None:
        self.faults = faults

    def __call__(self) -> datetime:
        if self.faults:
            self.faults -= 1
            raise RuntimeError("AccountKey=hush")
        return datetime.now(UTC)


async def test_a_fault_of_ours_defers_and_tells_nobody(tmp_path: Path) -> None:
    async with open_door(tmp_path, **KNOWN) as door, talk(door) as client:
        door.reception.now = BrokenClock(1)
        await client.begin_mail()
        with capture_logs() as events:
            assert await client.say("DATA") == (
                "451 4.3.0 Something went wrong here, try again later"
            )
        (fault,) = [event for event in events if event["event"] == "internal_fault"]

        assert fault["exc_info"]
        assert (await client.mail(b"Subject: x\r\n")).startswith("250 ")
        assert len(await door.entries()) == 1


@pytest.mark.parametrize("command", ["DATA", "BDAT"])
async def test_what_is_left_of_the_content_after_a_fault_is_not_obeyed(
    command: str, tmp_path: Path
) -> None:
    content = LARGE + b"NOOP\r\n" * 3
    async with open_door(tmp_path, **KNOWN) as door, talk(door) as client:
        door.spool._disk.shutdown()
        await client.begin_mail()
        if command == "DATA":
            await client.say("DATA")
            client.send(content + b".\r\n")
        else:
            client.send(f"BDAT {len(content)} LAST\r\n".encode() + content)

        assert (await client.answer()).startswith("451 4.3.0 ")
        assert await client.is_over()
        assert list(tmp_path.glob("spool/*.eml")) == []


async def test_a_fault_in_the_last_moment_leaves_nothing(tmp_path: Path) -> None:
    async with open_door(tmp_path, **KNOWN) as door, talk(door) as client:
        await client.begin_mail()
        await client.say("DATA")
        door.reception.now = BrokenClock(1)
        client.send(LARGE + b".\r\n")

        assert (await client.answer()).startswith("451 4.3.0 ")
        assert list(tmp_path.glob("spool/*.eml")) == []
        assert await door.entries() == []


async def test_a_commit_that_fails_defers_and_leaves_no_file(tmp_path: Path) -> None:
    async with open_door(tmp_path, **KNOWN) as door, talk(door) as client:
        with sqlite3.connect(tmp_path / "spool" / "spool.sqlite3") as other:
            other.execute("DROP TABLE entries")
        other.close()

        assert (await client.mail(LARGE)).startswith("451 4.3.0 ")
        assert list(tmp_path.glob("spool/*.eml")) == []
        assert await client.say("NOOP") == "250 2.0.0 Ok"


async def _with_a_chunk_on_disk(door: Door, directory: Path, end: str) -> None:
    async with talk(door) as client:
        await client.begin_mail()
        client.send(f"BDAT {len(LARGE)}\r\n".encode() + LARGE)
        await client.answer()

        assert len(list(directory.glob("spool/*.eml"))) == 1

        if end == "TLS":
            await client.start_tls(trusting_context())
        elif end == "EOF":
            client.writer.write_eof()
        elif end == "ABORT":
            client.writer.transport.abort()
        else:
            await client.say(end)
        await until(lambda: not list(directory.glob("spool/*.eml")))


@pytest.mark.parametrize(
    "end", ["RSET", "MAIL FROM:<a@b.org>", "EHLO x", "QUIT", "TLS", "EOF", "ABORT"]
)
async def test_chunks_that_are_given_up_leave_nothing(end: str, tmp_path: Path) -> None:
    listener = LEGACY | {"tls": "starttls"}
    async with open_door(tmp_path, listeners=[listener], devices=[PRINTER]) as door:
        await _with_a_chunk_on_disk(door, tmp_path, end)

        assert await door.entries() == []


@pytest.mark.parametrize("content", [b"half a mail", LARGE])
async def test_a_client_that_vanishes_leaves_nothing(content: bytes, tmp_path: Path) -> None:
    async with open_door(tmp_path, **KNOWN) as door:
        async with talk(door) as client:
            await client.begin_mail()
            await client.say("DATA")
            client.send(content)
            await client.writer.drain()
            client.writer.transport.abort()
        await until(lambda: door.reception.crowd.total == 0)

        assert await door.entries() == []
        assert list(tmp_path.glob("spool/*.eml")) == []


async def test_a_client_that_only_stops_sending_still_gets_its_answer(tmp_path: Path) -> None:
    async with open_door(tmp_path, **KNOWN) as door, talk(door) as client:
        await client.begin_mail()
        await client.say("DATA")
        client.send(b"Subject: x\r\n.\r\n")
        client.writer.write_eof()

        assert (await client.answer()).startswith("250 ")
        assert len(await door.entries()) == 1


async def test_closing_the_door_lets_chunks_finish(tmp_path: Path) -> None:
    async with open_door(tmp_path, **KNOWN) as door, talk(door) as client:
        await client.begin_mail()
        client.send(b"BDAT 12\r\nSubject: x\r\n")
        await client.answer()
        closing = asyncio.create_task(door.doors.close(grace=5))
        await until(lambda: door.reception.is_closing)
        client.send(b"BDAT 0 LAST\r\n")

        assert (await client.answer()).startswith("250 2.0.0 Ok: queued as ")
        assert (await client.answer()).startswith("421 4.3.2 ")

        await closing
