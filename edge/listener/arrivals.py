"""Octets that have come in on a connection and wait to be taken, as lines or in chunks.

asyncio's reader, which holds back the sender when much is waiting, with what it lacks: to look for
a line without waiting, and to be given octets back. It is the one place that steps into its
private parts.
"""

import asyncio
from collections.abc import Awaitable, Callable

from edge import replies
from edge.listener.wire import CHUNK, ConnectionEnded
from edge.replies import Reply

_LONGEST_LINE = 12_288  # RFC 4954 §4: what a line of an AUTH exchange may take
_LONGEST_OVERRUN = 1024 * 1024


class Arrivals(asyncio.StreamReader):
    """What one client has sent so far."""

    _buffer: bytearray
    _paused: bool
    _wait_for_data: Callable[[str], Awaitable[None]]
    _maybe_resume_transport: Callable[[], None]

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(limit=CHUNK // 2, loop=loop)  # twice that may wait
        self._skipped = 0
        self.has_ended = False
        """Whether the client has sent all that it ever will."""

    def feed_eof(self) -> None:
        self.has_ended = True
        super().feed_eof()

    @property
    def has_more(self) -> bool:
        """Whether there is something to take, be it the end."""
        return self.has_ended or bool(self._buffer)

    def take_line(self) -> bytes | Reply | None:
        """The next line without its end; None until there is one; a Reply if it is too long.

        Raises ConnectionEnded when a line has no end.
        """
        if not self._buffer:
            return None
        end = self._buffer.find(b"\n") + 1
        if end == 0:
            if len(self._buffer) > _LONGEST_LINE:
                self._skip(len(self._buffer))
            return None
        line = bytes(self._buffer[:end])
        self._drop(end)
        if self._skipped or end > _LONGEST_LINE:
            self._skipped = 0
            return replies.LINE_TOO_LONG
        return line.rstrip(b"\r\n")

    async def next_line(self) -> bytes | Reply:
        """Wait for the next line. Raises ConnectionEnded."""
        while (line := self.take_line()) is None:
            if self.has_ended:
                raise ConnectionEnded
            await self._wait_for_data("next_line")
        return line

    def take_chunk(self, most: int) -> bytes:
        """What is there, up to so many octets."""
        chunk = bytes(memoryview(self._buffer)[:most])
        self._drop(len(chunk))
        return chunk

    async def next_chunk(self, most: int) -> bytes:
        """Wait for the next octets: at least one. Raises ConnectionEnded."""
        while not (chunk := self.take_chunk(most)):
            if self.has_ended:
                raise ConnectionEnded
            await self._wait_for_data("next_chunk")
        return chunk

    def put_back(self, octets: bytes) -> None:
        """Have `octets` taken again, before all others."""
        self._buffer[0:0] = octets

    def forget(self) -> None:
        """Drop what nobody has taken."""
        self._drop(len(self._buffer))

    def come_from(self, transport: asyncio.BaseTransport) -> None:
        """From now on it is `transport` that is told to wait."""
        self._transport = transport

    def _skip(self, octets: int) -> None:
        self._drop(octets)
        self._skipped += octets
        if self._skipped > _LONGEST_OVERRUN:
            raise ConnectionEnded

    def _drop(self, octets: int) -> None:
        del self._buffer[:octets]
        if self._paused:
            self._maybe_resume_transport()
