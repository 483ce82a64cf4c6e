"""Open and close the doors: one listening socket a listener."""

import asyncio
from collections.abc import Sequence

from edge.binding import why_not
from edge.listener.connection import Connection
from edge.listener.reception import Reception
from edge.listener.wire import Wire
from edge.notation import Endpoint

_BACKLOG = 1024


class AddressInUse(Exception):
    """The address to listen on is taken, or is not ours."""


class Doors:
    """All listeners of one edge."""

    def __init__(self, receptions: Sequence[Reception]) -> None:
        self._receptions = receptions
        self._servers: list[asyncio.Server] = []

    async def open(self) -> dict[str, Endpoint]:
        """Listen, and answer where by listener name (port 0 becomes a real one).

        Raises AddressInUse, with none left open.
        """
        places = {}
        for reception in self._receptions:
            try:
                server = await _listen(reception)
            except OSError as error:
                self._close_sockets()
                listener = reception.listener
                raise AddressInUse(
                    f"listener {listener.name}: cannot listen on {listener.address}:"
                    f" {why_not(error)}"
                ) from error
            self._servers.append(server)
            host, port, *_ = server.sockets[0].getsockname()
            places[reception.listener.name] = Endpoint(host, port)
        return places

    async def close(self, grace: float) -> None:
        """Take no new connection, and let transactions finish for up to `grace` seconds."""
        self._close_sockets()
        for reception in self._receptions:
            reception.is_closing = True
        for connection in self._connections():
            connection.wind_up()
        if endings := {connection.ended for connection in self._connections()}:
            await asyncio.wait(endings, timeout=grace)
        for connection in self._connections():
            connection.abort()

    def _connections(self) -> list[Wire]:
        return [wire for reception in self._receptions for wire in reception.connections]

    def _close_sockets(self) -> None:
        for server in self._servers:
            server.close()


async def _listen(reception: Reception) -> asyncio.Server:
    # Without TLS, even if that comes first: who has not begun it yet is to be counted as well.
    return await asyncio.get_running_loop().create_server(
        lambda: Connection(reception), *reception.listener.address, backlog=_BACKLOG
    )
