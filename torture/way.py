"""The way to the storage account: what goes over it can be refused, slowed, lost.

One proxy on loopback for each service, all in one thread of their own.
"""

import asyncio
import re
import threading
from collections.abc import Coroutine
from typing import Any, Literal, Self
from urllib.parse import urlsplit

Mode = Literal["open", "refuse", "slow", "silent", "read-only", "lose-answers"]
"""`refuse` breaks connections off; `silent` takes them and says nothing; `read-only` answers 503
to whatever changes something; `lose-answers` hands requests on and breaks off before the answer."""

_CHUNK = 64 * 1024
_SLOW_SECONDS = 0.4
_CHANGES = (b"PUT ", b"POST ", b"DELETE ", b"PATCH ", b"MERGE ")
_READ_ONLY = b"HTTP/1.1 503 Server Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_ENDPOINT = re.compile(r"(?:Blob|Queue|Table)Endpoint=([^;]+)")


class Way:
    """Proxies before the services of one connection string."""

    def __init__(self, connection_string: str) -> None:
        self._straight = connection_string
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._servers: list[asyncio.Server] = []
        self._open: set[asyncio.Task[None]] = set()
        self.mode: Mode = "open"
        self.connection_string = connection_string

    def set_mode(self, mode: Mode) -> None:
        """What is open already is broken off, so that the mode holds for all."""
        self.mode = mode
        self._loop.call_soon_threadsafe(self._break_off)

    def __enter__(self) -> Self:
        self._thread.start()
        for endpoint in _ENDPOINT.findall(self._straight):
            upstream = urlsplit(endpoint)
            port = self._run(self._serve(str(upstream.hostname), upstream.port or 80))
            ours = endpoint.replace(upstream.netloc, f"127.0.0.1:{port}")
            self.connection_string = self.connection_string.replace(endpoint, ours)
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _serve(self, host: str, port: int) -> int:
        async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None  # the server makes one for each connection
            self._open.add(task)
            try:
                await self._carry(reader, writer, host, port)
            except (OSError, asyncio.CancelledError):
                pass  # broken off; not raised, for the server would only log it
            finally:
                writer.transport.abort()
                self._open.discard(task)

        server = await asyncio.start_server(meet, "127.0.0.1", 0)
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, port: int
    ) -> None:
        if self.mode == "refuse":
            return
        upstream_reader, upstream = await asyncio.open_connection(host, port)
        try:
            directions = [
                asyncio.ensure_future(self._out(reader, upstream, writer)),
                asyncio.ensure_future(self._back(upstream_reader, writer)),
            ]
            try:
                await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for direction in directions:
                    direction.cancel()
                await asyncio.gather(*directions, return_exceptions=True)
        finally:
            upstream.transport.abort()

    async def _out(
        self,
        reader: asyncio.StreamReader,
        upstream: asyncio.StreamWriter,
        writer: asyncio.StreamWriter,
    ) -> None:
        while octets := await reader.read(_CHUNK):
            if self.mode == "silent":
                continue
            if self.mode == "read-only" and octets.startswith(_CHANGES):
                writer.write(_READ_ONLY)
                await writer.drain()
                return
            upstream.write(octets)
            await upstream.drain()

    async def _back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while octets := await reader.read(_CHUNK):
            if self.mode == "lose-answers":
                return
            if self.mode == "slow":
                await asyncio.sleep(_SLOW_SECONDS)
            writer.write(octets)
            await writer.drain()

    def _break_off(self) -> None:
        for task in self._open:
            task.cancel()

    async def _close(self) -> None:
        for server in self._servers:
            server.close()
        self._break_off()
        await asyncio.gather(*self._open, return_exceptions=True)
