"""Replies on their way out: those of one pass of the event loop leave together behind it.

A client that pipelines is told in one piece what it has asked in one. And to wake a receiver takes
longer than to send to it: of many replies one right after the other, the first alone has to. (Each
as a call of its own, with others between them, wakes twice as many.)
"""

import asyncio
from collections.abc import Callable

import structlog

Send = Callable[[], None]
log = structlog.get_logger()


class Outgoing:
    """Of one listener."""

    def __init__(self) -> None:
        self._sends: list[Send] = []

    def add(self, send: Send) -> None:
        """Have `send` called before the loop waits again."""
        if not self._sends:
            asyncio.get_running_loop().call_soon(self._flush)
        self._sends.append(send)

    def _flush(self) -> None:
        sends, self._sends = self._sends, []
        for send in sends:
            try:
                send()
            except Exception:
                # A fault of one connection is none of the others'.
                log.exception("internal_fault")
