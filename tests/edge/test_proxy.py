"""A client's address: behind a proxy, over IPv6, and IPv4 in the clothes of IPv6."""

import socket
import struct
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.edge.door import LEGACY, PRINTER, Door, open_door
from tests.edge.talk import talk

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
BEHIND_PROXY = LEGACY | {"proxy_protocol": True, "trusted_proxies": ["127.0.0.1"]}
DEVICES = [
    PRINTER | {"name": "four", "networks": ["10.0.8.0/24"]},
    PRINTER | {"name": "six", "networks": ["fd00:8::/64"]},
]


def version_2(source: str, *, command: int = 1) -> bytes:
    address = ip_address(source)
    family, ports = (0x11, "!HH") if address.version == 4 else (0x21, "!HH")
    body = address.packed * 2 + struct.pack(ports, 40000, 25)
    return SIGNATURE + struct.pack("!BBH", 0x20 | command, family, len(body)) + body


def _door(directory: Path, **changes: Any) -> Any:
    return open_door(directory, listeners=[BEHIND_PROXY | changes], devices=DEVICES)


async def _device_behind(door: Door, header: bytes) -> str:
    """Which device a mail behind `header` comes from; "" when nobody is known, "-" when cut."""
    async with talk(door, hello=None) as client:
        client.send(header)
        if not (await client.answer()).startswith("220 "):
            return "-"
        await client.say("EHLO x")
        if not (await client.mail(b"Subject: x\r\n")).startswith("250 "):
            return ""
    return (await door.tickets())[-1].device


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (b"PROXY TCP4 10.0.8.21 10.0.0.1 40000 25\r\n", "four"),
        (b"PROXY TCP4 10.0.9.21 10.0.0.1 40000 25\r\n", ""),
        (b"PROXY TCP6 fd00:8::21 fd00::1 40000 25\r\n", "six"),
        (b"PROXY TCP6 ::ffff:10.0.8.21 ::ffff:10.0.0.1 40000 25\r\n", "four"),
        (version_2("10.0.8.21"), "four"),
        (version_2("fd00:8::21"), "six"),
        (version_2("::ffff:10.0.8.21"), "four"),
        (version_2("10.0.8.21", command=0), ""),
        (b"PROXY UNKNOWN\r\n", "-"),
        (b"PROXY TCP4 10.0.8.21\r\n", "-"),
        (b"PROXY TCP4 localhost 10.0.0.1 40000 25\r\n", "-"),
        (b"PROXY TCP4 " + b"1" * 200 + b"\r\n", "-"),
        (b"PROXY TCP4 " + b"1" * 100_000, "-"),
        (b"EHLO x\r\n", "-"),
        (SIGNATURE + b"\x41\x11\0\x0c" + b"\0" * 12, "-"),
        (SIGNATURE + b"\x21\x11\0\x02" + b"\0" * 2, "-"),
    ],
)
async def test_a_trusted_proxy_tells_the_address(
    header: bytes, expected: str, tmp_path: Path
) -> None:
    async with _door(tmp_path) as door:
        with capture_logs() as events:
            assert expected == await _device_behind(door, header)

    was_refused = "bad_proxy_header" in [event["event"] for event in events]
    assert was_refused == (expected == "-")


async def test_nobody_else_is_believed(tmp_path: Path) -> None:
    header = b"PROXY TCP4 10.0.8.21 10.0.0.1 40000 25\r\n"
    async with _door(tmp_path, trusted_proxies=["192.0.2.0/24"]) as door:
        assert await _device_behind(door, header) == "-"
    async with (
        _door(tmp_path / "plain", proxy_protocol=False, trusted_proxies=[]) as door,
        talk(door, hello=None) as client,
    ):
        client.send(header)
        await client.answer()

        assert await client.answer() == "500 5.5.1 Unknown command"


@pytest.mark.parametrize("start", [b"", b"PRO", b"PROXY TCP4 10.0", SIGNATURE, SIGNATURE[:7]])
async def test_a_proxy_that_only_looks_whether_we_live_is_no_fault(
    start: bytes, tmp_path: Path
) -> None:
    async with _door(tmp_path) as door:
        with capture_logs() as events:
            async with talk(door, hello=None) as client:
                client.send(start)
                client.writer.write_eof()

                assert await client.is_over()

    assert [] == [event for event in events if event["event"] == "internal_fault"]


async def test_limits_count_the_address_behind_the_proxy(tmp_path: Path) -> None:
    first = b"PROXY TCP4 10.0.8.21 10.0.0.1 40000 25\r\n"
    other = b"PROXY TCP4 10.0.8.22 10.0.0.1 40000 25\r\n"
    limits = {"connections_per_address": 1}
    async with (
        open_door(tmp_path, listeners=[BEHIND_PROXY], devices=DEVICES, limits=limits) as door,
        talk(door, hello=None) as one,
        talk(door, hello=None) as two,
        talk(door, hello=None) as three,
    ):
        one.send(first)

        assert (await one.answer()).startswith("220 ")

        two.send(first)

        assert (await two.answer()).startswith("421 ")

        three.send(other)

        assert (await three.answer()).startswith("220 ")


@pytest.mark.skipif(not socket.has_ipv6, reason="this machine has no IPv6")
async def test_a_client_over_ipv6_is_known_by_its_network(tmp_path: Path) -> None:
    listener = LEGACY | {"address": "[::1]:0"}
    async with (
        open_door(tmp_path, listeners=[listener], devices=[PRINTER]) as door,
        talk(door) as client,
    ):
        assert (await client.mail(b"Subject: x\r\n")).startswith("250 ")


async def test_networks_in_the_clothes_of_ipv6_are_those_of_ipv4(tmp_path: Path) -> None:
    device = PRINTER | {"networks": ["::ffff:127.0.0.0/104"]}
    async with (
        open_door(tmp_path, listeners=[LEGACY], devices=[device]) as door,
        talk(door) as client,
    ):
        assert (await client.mail(b"Subject: x\r\n")).startswith("250 ")


async def test_without_devices_nobody_sends_not_even_from_here(tmp_path: Path) -> None:
    async with (
        open_door(tmp_path, listeners=[LEGACY], devices=[]) as door,
        talk(door) as client,
    ):
        assert await client.say("MAIL FROM:<a@b.org>") == "550 5.7.1 Not allowed to relay"
