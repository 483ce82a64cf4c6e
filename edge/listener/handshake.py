"""Go over to TLS on a connection that is open already."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from typing import cast

from edge.listener.wire import ConnectionEnded

_SECONDS = 10


class HandshakeFailed(Exception):
    """The two do not come to terms. The text is a word of OpenSSL's, or the name of a fault."""


async def shake_hands(
    transport: asyncio.Transport | None,
    protocol: asyncio.Protocol,
    tls: ssl.SSLContext | None,
    take_begun: Callable[[], bytes] | None = None,
) -> asyncio.Transport:
    """The encrypted way to the client.

    `take_begun` tells what `protocol` has got of the handshake before TLS took over, where nobody
    has told the client to begin. Raises HandshakeFailed, and ConnectionEnded when it has gone.
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
    try:
        encrypted = await handshake
    except (OSError, asyncio.CancelledError) as caught:
        # The connection is lost with the handshake, and who hears of that first cancels us.
        fault = caught if isinstance(caught, OSError) else _fault_of(handshake)
        if fault is None:
            raise
        # Its way here leads in a circle, which would keep TLS in memory for long.
        fault.with_traceback(None)
        raise HandshakeFailed(getattr(fault, "reason", None) or type(fault).__name__) from None
    if encrypted is None:
        raise ConnectionEnded
    return encrypted


def _fault_of(handshake: Awaitable[asyncio.Transport | None]) -> BaseException | None:
    if not isinstance(handshake, asyncio.Task) or not handshake.done() or handshake.cancelled():
        return None
    return handshake.exception()


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
