"""The edge's event loop: uvloop where there is one, and names are looked up without being stuck.

A look-up cannot be broken off, and may last a minute when no name server answers. So each has a
thread of its own that nobody waits for at the end of the program, there is one at a time for each
name, and who asks waits only so long. An answer that comes later is for whoever asks next: a name
server that is slow must not be one that never answers.
"""

import asyncio
import socket
import threading
from contextlib import suppress
from typing import Any

_PATIENCE_SECONDS = 10.0
"""The next name server is asked after five (resolv.conf(5))."""
_Question = tuple[Any, ...]
_Answer = asyncio.Future[list[Any]]


def new_loop(patience: float = _PATIENCE_SECONDS) -> asyncio.AbstractEventLoop:
    """An event loop whose look-ups of names end in time."""
    loop = _fastest_loop()
    # Set on the instance: uvloop's loop and asyncio's have no class in common to derive from.
    loop.getaddrinfo = LookUps(patience).getaddrinfo  # type: ignore[method-assign]
    return loop


def _fastest_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


class LookUps:
    """The look-ups of one event loop."""

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._asked: dict[_Question, _Answer] = {}

    async def getaddrinfo(
        self,
        host: Any,
        port: Any,
        *,
        family: int = 0,
        type: int = 0,
        proto: int = 0,
        flags: int = 0,
    ) -> list[Any]:
        """As the loop's own. Raises OSError, also when there is no answer in time."""
        question = (host, port, family, type, proto, flags)
        answer = self._asked.get(question) or self._ask(question)
        done, _ = await asyncio.wait({answer}, timeout=self._patience)
        if not done:
            text = f"no name server answers within {self._patience:g} s"
            raise socket.gaierror(socket.EAI_AGAIN, text)
        self._asked.pop(question, None)
        return answer.result()

    def _ask(self, question: _Question) -> _Answer:
        loop = asyncio.get_running_loop()
        answer: _Answer = loop.create_future()

        def forget_fault(_: _Answer) -> None:
            if not answer.cancelled() and answer.exception() is not None:
                self._asked.pop(question, None)

        answer.add_done_callback(forget_fault)
        self._asked[question] = answer
        threading.Thread(
            target=_look_up, args=(loop, question, answer), name="look-up", daemon=True
        ).start()
        return answer


def _look_up(loop: asyncio.AbstractEventLoop, question: _Question, answer: _Answer) -> None:
    """In a thread."""
    found: list[Any] = []
    fault: Exception | None = None
    try:
        found = socket.getaddrinfo(*question)
    except Exception as error:  # noqa: BLE001  a name may be wrong in ways that are no OSError
        fault = error

    def settle() -> None:
        if fault is not None:
            answer.set_exception(fault)
        else:
            answer.set_result(found)

    with suppress(RuntimeError):  # the loop has ended
        loop.call_soon_threadsafe(settle)
