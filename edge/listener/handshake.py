"""Go over to TLS on a connection that is open already."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from typing import cast

from edge.listener.wire import ConnectionEnded

_SECONDS = 10


async def shake_hands(
    transport: asyncio.Transport | None,
    protocol: asyncio.Protocol,
    tls: ssl.SSLContext | None,
    take_begun: Callable[[], bytes] | None = None,
) -> asyncio.Transport:
    """The encrypted way to the client.

    `take_begun` tells what `protocol` has got of the handshake before TLS took over. Raises OSError
    when the two do not come to terms, ConnectionEnded when the client has gone.
    """
    assert tls is not None  # else TLS is not offered
    if transport is None:
        raise ConnectionEnded
    loop = asyncio.get_running_loop()
    handshake: Awaitable[asyncio.Transport | None] = loop.start_tls(
        transport, protocol, tls, server_side=True, ssl_handshake_timeout=_SECONDS
    )
    if take_begun is not None:
        handshake = asyncio.ensure_future(handshake)
        # Behind what the first step of the task has called soon, and before more can arrive.
        loop.call_soon(loop.call_soon, _hand_over, transport, take_begun)
    encrypted = await handshake
    if encrypted is None:
        raise ConnectionEnded
    return encrypted


def _hand_over(transport: asyncio.Transport, take: Callable[[], bytes]) -> None:
    """Have what `take` gives read by who reads from `transport` now: TLS."""
    reader = cast("asyncio.BufferedProtocol", transport.get_protocol())
    octets = take()
    while octets and not transport.is_closing():
        room = memoryview(cast("bytearray", reader.get_buffer(len(octets))))
        taken = min(len(room), len(octets))
        room[:taken] = octets[:taken]
        reader.buffer_updated(taken)
        octets = octets[taken:]
