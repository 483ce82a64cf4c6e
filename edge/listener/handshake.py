"""Go over to TLS on a connection that is open already."""

import asyncio
import ssl
from collections.abc import Callable
from typing import cast

from edge.listener.wire import ConnectionEnded

_SECONDS = 10


class HandshakeFailed(Exception):
    """The two do not come to terms. The text is a word of OpenSSL's, or the name of a fault."""


async def shake_hands(
    transport: asyncio.Transport | None,
    protocol: asyncio.Protocol,
    tls: ssl.SSLContext | None,
    take_begun: Callable[[], bytes],
) -> asyncio.Transport:
    """The encrypted way to the client.

    `take_begun` tells what `protocol` has got of the handshake before TLS took over. Raises
    HandshakeFailed, and ConnectionEnded when the client has gone.
    """
    assert tls is not None  # else TLS is not offered
    if transport is None:
        raise ConnectionEnded
    loop = asyncio.get_running_loop()
    handshake = loop.create_task(
        loop.start_tls(transport, protocol, tls, server_side=True, ssl_handshake_timeout=_SECONDS)
    )
    # Behind what the first step of the task has called soon, and before more can arrive.
    loop.call_soon(loop.call_soon, _hand_over, transport, take_begun)
    try:
        await handshake
    except OSError:
        pass  # see below
    except asyncio.CancelledError:
        # The connection is lost with the handshake, and who hears of that first cancels us.
        if _fault_of(handshake) is None:
            raise
    if fault := _fault_of(handshake):
        raise HandshakeFailed(getattr(fault, "reason", None) or type(fault).__name__)
    encrypted = handshake.result()
    if encrypted is None:
        raise ConnectionEnded
    return encrypted


def _fault_of(handshake: "asyncio.Task[asyncio.Transport | None]") -> BaseException | None:
    """Without its way here, which leads in a circle: that would keep TLS in memory for long."""
    if not handshake.done() or handshake.cancelled():
        return None
    fault = handshake.exception()
    return fault and fault.with_traceback(None)


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
