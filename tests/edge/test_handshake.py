"""Handshakes on the event loop that the edge runs on, uvloop; the other tests run on asyncio's."""

import asyncio
import gc
import socket
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import uvloop
from structlog.testing import capture_logs

from tests.edge.door import PRINTER, Door, open_door, trusting_context

FIRST = {"name": "smtps", "address": "127.0.0.1:0", "tls": "implicit", "auth": "off"}
LATER = FIRST | {"tls": "starttls", "profile": "legacy"}
PROXIED = FIRST | {"proxy_protocol": True, "trusted_proxies": ["127.0.0.1"]}


def behind(listener: dict[str, object], tmp_path: Path, act: Callable[[Door], object]) -> None:
    """`act` in a thread, as a client of a door on uvloop."""

    async def both() -> None:
        async with open_door(tmp_path, listeners=[listener], devices=[PRINTER]) as door:
            done: Awaitable[object] = asyncio.to_thread(act, door)
            await done

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(both())


def connected(door: Door, listener: dict[str, object]) -> socket.socket:
    """At the point where TLS begins."""
    client = socket.create_connection((door.place.host, door.place.port), 20)
    if listener["tls"] == "starttls":
        said = client.makefile("rb")
        said.readline()
        client.sendall(b"STARTTLS\r\n")
        assert said.readline() == b"220 2.0.0 Ready to start TLS\r\n"
    if "proxy_protocol" in listener:
        client.sendall(b"PROXY TCP4 127.0.0.5 127.0.0.1 5000 465\r\n")
    return client


@pytest.mark.parametrize("in_two", [False, True], ids=["at once", "in two"])
@pytest.mark.parametrize("listener", [FIRST, LATER, PROXIED], ids=["implicit", "starttls", "proxy"])
def test_tls_begins_with_what_had_come_before_it(
    listener: dict[str, object], in_two: bool, tmp_path: Path
) -> None:
    def greet(door: Door) -> None:
        context = trusting_context()
        for _ in range(20):
            with connected(door, listener) as client:
                incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
                tls = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
                with pytest.raises(ssl.SSLWantReadError):
                    tls.do_handshake()
                hello = outgoing.read()
                if in_two:
                    client.sendall(hello[:50])
                    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    hello = hello[50:]
                client.sendall(hello)
                shaken = False
                while not shaken:
                    answer = client.recv(65_536)

                    assert answer, "the door has hung up"
                    incoming.write(answer)
                    try:
                        tls.do_handshake()
                        shaken = True
                    except ssl.SSLWantReadError:
                        pass
                    client.sendall(outgoing.read())

                assert tls.version() == "TLSv1.3"

    behind(listener, tmp_path, greet)


@pytest.mark.parametrize("listener", [FIRST, LATER], ids=["implicit", "starttls"])
def test_a_handshake_that_fails_leaves_no_tls_in_memory(
    listener: dict[str, object], tmp_path: Path
) -> None:
    left: list[int] = []

    def fail(door: Door) -> None:
        gc.collect()
        before = _of_tls()
        for _ in range(10):
            with connected(door, listener) as client:
                client.sendall(b"this is no handshake\r\n\r\n")
                while client.recv(1000):
                    pass
        left.append(_of_tls() - before)

    gc.disable()
    try:
        with capture_logs() as logs:
            behind(listener, tmp_path, fail)
    finally:
        gc.enable()

    failures = [log["reason"] for log in logs if log["event"] == "handshake_failed"]
    assert failures == ["WRONG_VERSION_NUMBER"] * 10
    assert left[0] <= 1  # the last may still be on its way


def _of_tls() -> int:
    return sum(isinstance(one, ssl.SSLObject) for one in gc.get_objects())
