"""Let a call go wrong as it was told to."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress

from aiohttp import web

from local.graph_simulator.body import drain
from local.graph_simulator.entra_errors import entra_error
from local.graph_simulator.errors import GraphError, revoked_token
from local.graph_simulator.rules import Fault
from local.graph_simulator.world import World

_HANG_SECONDS = 3600
AsUsual = Callable[[], Awaitable[web.StreamResponse]]


async def with_faults(
    world: World, route: str, mailbox: str, request: web.Request, as_usual: AsUsual
) -> web.StreamResponse:
    """The answer `as_usual`, unless a fault is due. Raises GraphError."""
    fault = world.next_fault(route, mailbox)
    if fault is None:
        return await as_usual()
    await asyncio.sleep(fault.delay)
    if fault.claims:
        world.revoke(request["line"].app)
        raise revoked_token()
    if not (fault.status or fault.aadsts or fault.reset or fault.hang):
        return await as_usual()
    if fault.take:
        with suppress(GraphError):
            await as_usual()
    else:
        await drain(request)
    if fault.hang:
        await asyncio.sleep(_HANG_SECONDS)
    if fault.reset and request.transport is not None:
        request.transport.abort()
    return _answer(fault)


def _answer(fault: Fault) -> web.Response:
    if fault.aadsts:
        return entra_error(fault.aadsts, status=fault.status, headers=fault.headers)
    if isinstance(fault.body, str):
        text, kind = fault.body, "text/html"
    else:
        text, kind = ("" if fault.body is None else json.dumps(fault.body)), "application/json"
    return web.Response(
        status=fault.status or 500, text=text, content_type=kind, headers=fault.headers
    )
