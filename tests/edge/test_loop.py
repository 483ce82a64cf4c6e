"""Look-ups of names: nobody waits long, and what comes late is not lost."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from edge.loop import new_loop

NAME = "mail.storage.test"
FOUND = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 443))]


@dataclass
class NameServer:
    """Answers when it is let."""

    fault: Exception | None = None
    asked: int = 0
    may_go: threading.Event = field(default_factory=threading.Event)

    def getaddrinfo(self, *_: Any) -> list[Any]:
        self.asked += 1
        self.may_go.wait(10)
        if self.fault is not None:
            raise self.fault
        return FOUND


@pytest.fixture
def name_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[NameServer]:
    server = NameServer()
    monkeypatch.setattr(socket, "getaddrinfo", server.getaddrinfo)
    yield server
    server.may_go.set()


async def look_up() -> list[Any]:
    found = await asyncio.get_running_loop().getaddrinfo(NAME, 443, type=socket.SOCK_STREAM)
    return list(found)


def run(work: Any) -> Any:
    with asyncio.Runner(loop_factory=lambda: new_loop(0.05)) as runner:
        return runner.run(work)


def test_an_answer_is_an_answer(name_server: NameServer) -> None:
    name_server.may_go.set()

    assert run(look_up()) == FOUND


def test_a_fault_is_told(name_server: NameServer) -> None:
    name_server.fault = UnicodeError("label too long")
    name_server.may_go.set()
    with pytest.raises(UnicodeError, match="label too long"):
        run(look_up())


def test_nobody_waits_for_a_name_server_that_hangs(name_server: NameServer) -> None:
    with pytest.raises(socket.gaierror, match=r"no name server answers within 0\.05 s"):
        run(look_up())


def test_many_who_ask_for_a_name_that_hangs_take_one_thread(name_server: NameServer) -> None:
    async def ask() -> list[Any]:
        await asyncio.gather(*(look_up() for _ in range(20)), return_exceptions=True)
        answers = await asyncio.gather(*(look_up() for _ in range(20)), return_exceptions=True)
        return list(answers)

    assert {type(one) for one in run(ask())} == {socket.gaierror}
    assert name_server.asked == 1


async def _asks_again(name_server: NameServer, fault: Exception | None) -> list[Any]:
    with pytest.raises(socket.gaierror):
        await look_up()
    name_server.fault = fault
    name_server.may_go.set()
    for thread in threading.enumerate():
        if thread.name == "look-up":
            await asyncio.to_thread(thread.join)
    name_server.fault = None
    return await look_up()


def test_a_late_answer_is_for_who_asks_next(name_server: NameServer) -> None:
    assert run(_asks_again(name_server, None)) == FOUND
    assert name_server.asked == 1


def test_a_late_fault_is_for_nobody(name_server: NameServer) -> None:
    assert run(_asks_again(name_server, socket.gaierror(socket.EAI_AGAIN, "late"))) == FOUND
    assert name_server.asked == 2


def test_after_a_fault_or_an_answer_it_is_asked_anew(name_server: NameServer) -> None:
    name_server.may_go.set()

    async def ask() -> None:
        name_server.fault = socket.gaierror(socket.EAI_NONAME, "unknown")
        with pytest.raises(socket.gaierror, match="unknown"):
            await look_up()
        name_server.fault = None
        for _ in range(2):
            assert await look_up() == FOUND

    run(ask())
    assert name_server.asked == 3
