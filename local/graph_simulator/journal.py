"""The log of all calls but those of the control address."""

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from local.graph_simulator.items import now_text
from local.graph_simulator.world import Request, World


def journal(world: World) -> Middleware:
    """A middleware that writes each call down as it comes in, and its status as it is answered."""

    @web.middleware
    async def written_down(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith("/_control/"):
            return await handler(request)
        line = request["line"] = _line_of(request)
        world.requests.append(line)
        try:
            response = await handler(request)
        except web.HTTPException as refusal:
            line.status = refusal.status
            raise
        if request.transport is not None and not request.transport.is_closing():
            line.status = response.status
        return response

    return written_down


def _line_of(request: web.Request) -> Request:
    peer = request.transport.get_extra_info("peername") if request.transport else None
    return Request(
        method=request.method,
        path=request.path,
        status=0,
        client_request_id=request.headers.get("client-request-id", ""),
        connection=peer[1] if peer else 0,
        app="",
        at=now_text(),
    )
