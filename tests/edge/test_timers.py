"""Who is slow is waited for; who only holds the door open is not."""

import asyncio
import socket
import ssl
import time
from pathlib import Path
from typing import Any

import pytest

from edge.listener import parting
from tests.edge.door import LEGACY, PRINTER, STRICT, open_door
from tests.edge.talk import talk

LAN = {"listeners": [LEGACY], "devices": [PRINTER]}
FOREVER = 60.0


def timers(idle: float = FOREVER, transaction: float = FOREVER) -> dict[str, Any]:
    return LAN | {"limits": {"idle_timeout": idle, "transaction_timeout": transaction}}


async def test_who_says_nothing_is_told_and_closed(tmp_path: Path) -> None:
    async with open_door(tmp_path, **timers(idle=0.2)) as door, talk(door) as client:
        assert await client.answer() == "421 4.4.2 Idle for too long"
        assert await client.is_over()


async def test_who_never_ends_a_line_is_closed(tmp_path: Path) -> None:
    async with open_door(tmp_path, **timers(idle=0.3)) as door, talk(door) as client:
        began = time.monotonic()
        drip = asyncio.create_task(_drip(client.writer, 0.02))
        answer = await client.answer()
        drip.cancel()

    assert answer == "421 4.4.2 Idle for too long"
    assert time.monotonic() - began < 2


async def test_who_stops_in_the_middle_of_the_content_is_closed(tmp_path: Path) -> None:
    async with open_door(tmp_path, **timers(idle=0.2)) as door, talk(door) as client:
        await client.begin_mail()
        await client.say("DATA")
        client.send(b"Subject: half")

        assert await client.answer() == "421 4.4.2 Idle for too long"
        assert await door.entries() == []


async def test_who_stops_in_the_middle_of_a_chunk_is_closed(tmp_path: Path) -> None:
    async with open_door(tmp_path, **timers(idle=0.2)) as door, talk(door) as client:
        await client.begin_mail()
        client.send(b"BDAT 1000 LAST\r\nhalf")

        assert await client.answer() == "421 4.4.2 Idle for too long"
        assert await door.entries() == []


async def test_who_drips_a_chunk_that_nobody_wants_is_closed(tmp_path: Path) -> None:
    async with open_door(tmp_path, **timers(transaction=0.4)) as door, talk(door) as client:
        client.send(b"BDAT 1000000 LAST\r\n")
        drip = asyncio.create_task(_drip(client.writer, 0.02))
        answer = await client.answer()
        is_over = await client.is_over()
        drip.cancel()

    assert answer == "421 4.4.2 The transaction took too long"
    assert is_over


async def test_a_slow_scanner_is_waited_for(tmp_path: Path) -> None:
    # Three times the idle time in all, but never idle.
    async with open_door(tmp_path, **timers(idle=0.4)) as door, talk(door) as client:
        await client.begin_mail()
        await client.say("DATA")
        for number in range(12):
            client.send(f"line {number}\r\n".encode())
            await asyncio.sleep(0.1)
        client.send(b".\r\n")

        assert (await client.answer()).startswith("250 ")


@pytest.mark.parametrize("command", ["DATA", "BDAT 100000"])
async def test_a_slow_drip_is_cut_by_the_time_for_a_transaction(
    command: str, tmp_path: Path
) -> None:
    async with open_door(tmp_path, **timers(transaction=0.4)) as door, talk(door) as client:
        await client.begin_mail()
        client.send(command.encode() + b"\r\n")
        if command == "DATA":
            await client.answer()
        drip = asyncio.create_task(_drip(client.writer, 0.02))
        answer = await client.answer()
        drip.cancel()

        assert answer == "421 4.4.2 The transaction took too long"
        assert await door.entries() == []
        assert list(tmp_path.glob("spool/*.eml")) == []


async def test_who_reads_no_reply_does_not_keep_the_socket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parting, "_SECONDS", 0.1)
    limits = {"idle_timeout": 0.3, "recipients": 1}
    loop = asyncio.get_running_loop()
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        client.setblocking(False)
        async with open_door(tmp_path, **LAN, limits=limits) as door:
            await loop.sock_connect(client, door.place)
            await loop.sock_sendall(client, b"HELO x\r\nMAIL FROM:<a@b.org>\r\n")
            endless = loop.create_task(loop.sock_sendall(client, b"RCPT TO:<c@d.org>\r\n" * 10**6))
            await asyncio.wait({endless}, timeout=20)

            assert isinstance(endless.exception(), ConnectionError)


async def test_the_time_for_a_transaction_ends_with_it(tmp_path: Path) -> None:
    async with open_door(tmp_path, **timers(transaction=0.3)) as door, talk(door) as client:
        for _ in range(3):
            assert (await client.mail(b"Subject: x\r\n")).startswith("250 ")

            await asyncio.sleep(0.2)

        assert await client.say("NOOP") == "250 2.0.0 Ok"


async def test_a_handshake_that_never_comes_is_cut(tmp_path: Path) -> None:
    limits = {"idle_timeout": 0.3}
    async with (
        open_door(tmp_path, listeners=[STRICT], limits=limits) as door,
        talk(door) as client,
    ):
        await client.say("STARTTLS")

        assert await client.is_over()


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
async def test_half_a_handshake_has_ten_seconds(tls: str, tmp_path: Path) -> None:
    listener = STRICT | {"tls": tls}
    async with (
        open_door(tmp_path, listeners=[listener]) as door,
        talk(door, hello=None) as client,
    ):
        if tls == "starttls":
            await client.answer()
            await client.say("EHLO x")
            await client.say("STARTTLS")
        client.send(bytes.fromhex("160301"))  # as much as the beginning of a record
        began = time.monotonic()
        async with asyncio.timeout(20):
            await client.reader.read()

    assert 8 < time.monotonic() - began < 15


async def test_a_proxy_that_says_nothing_is_cut(tmp_path: Path) -> None:
    listener = LEGACY | {"proxy_protocol": True, "trusted_proxies": ["127.0.0.1"]}
    async with (
        open_door(tmp_path, listeners=[listener], limits={"idle_timeout": 0.2}) as door,
        talk(door, hello=None) as client,
    ):
        assert (await client.answer()).startswith("421 4.4.2 ")
        assert await client.is_over()


async def test_others_are_served_while_one_drips(tmp_path: Path) -> None:
    async with open_door(tmp_path, **timers()) as door, talk(door) as slow, talk(door) as quick:
        await slow.begin_mail()
        await slow.say("DATA")
        drip = asyncio.create_task(_drip(slow.writer, 0.001))
        began = time.monotonic()
        for _ in range(20):
            assert (await quick.mail(b"Subject: x\r\n")).startswith("250 ")

        drip.cancel()

    assert time.monotonic() - began < 5


async def _drip(writer: asyncio.StreamWriter, pause: float) -> None:
    try:
        while True:
            writer.write(b"a")
            await writer.drain()
            await asyncio.sleep(pause)
    except (ConnectionError, ssl.SSLError):
        pass
