"""What every call of Graph passes first: the log of requests, faults, token, and the four slots."""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from aiohttp import web

from local.graph_simulator.errors import GraphError, invalid_token
from local.graph_simulator.world import Fault, Request, World

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_GRAPH_AUDIENCES = (
    "https://graph.microsoft.com",
    "https://graph.microsoft.us",
    "https://dod-graph.microsoft.us",
    "https://microsoftgraph.chinacloudapi.cn",
)
_HANG_SECONDS = 3600
_DIAGNOSTIC = (
    '{"ServerInfo":{"DataCenter":"Simulated","Slice":"E","Ring":"0","ScaleUnit":"000",'
    '"RoleInstance":"SIM0"}}'
)


class Gate:
    """Wraps the handlers of routes."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.own_address = ""

    def guard(self, route: str, handler: Handler) -> Handler:
        """A route without a Graph token: its faults, and its line in the log."""

        async def guarded(request: web.Request) -> web.StreamResponse:
            response = await self._with_faults(route, "", request, handler)
            self._note(request, response.status, "")
            return response

        return guarded

    def graph(self, route: str, permission: str, handler: Handler) -> Handler:
        """A route of Graph."""

        async def guarded(request: web.Request) -> web.StreamResponse:
            mailbox = request.match_info.get("user", "")
            request_id = request["request_id"] = str(uuid.uuid4())
            request["app"] = ""
            try:
                app = request["app"] = self._app_of(request)
                async with self._slot(app, mailbox):
                    await asyncio.sleep(self._world.rules.delay)
                    response = await self._with_faults(
                        route, mailbox, request, self._permitted(permission, handler)
                    )
            except GraphError as error:
                response = error.response()
            response.headers["request-id"] = request_id
            response.headers["client-request-id"] = request.headers.get(
                "client-request-id", request_id
            )
            response.headers["x-ms-ags-diagnostic"] = _DIAGNOSTIC
            self._note(request, response.status, request["app"])
            return response

        return guarded

    def _permitted(self, permission: str, handler: Handler) -> Handler:
        async def permitted(request: web.Request) -> web.StreamResponse:
            mailbox = request.match_info.get("user", "")
            if not self._world.has_mailbox(mailbox):
                raise GraphError(
                    404, "ErrorInvalidUser", f"The requested user '{mailbox}' is invalid."
                )
            if permission not in self._world.rules.permissions:
                raise GraphError(
                    403, "ErrorAccessDenied", "Access is denied. Check credentials and try again."
                )
            return await handler(request)

        return permitted

    def _app_of(self, request: web.Request) -> str:
        scheme, _, text = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or not text:
            raise invalid_token("Access token is empty.")
        token = self._world.tokens.get(text)
        if token is None:
            raise invalid_token(
                "IDX14100: JWT is not well formed, there are no dots (.)."
                if "." not in text
                else "Access token validation failure."
            )
        if token.audience not in (*_GRAPH_AUDIENCES, self.own_address):
            raise invalid_token("Access token validation failure. Invalid audience.")
        if token.expires_at < time.time():
            raise invalid_token("Lifetime validation failed, the token is expired.")
        return token.app

    @asynccontextmanager
    async def _slot(self, app: str, mailbox: str) -> AsyncIterator[None]:
        key = (app, mailbox.casefold())
        world = self._world
        if world.in_flight[key] >= world.rules.in_flight:
            raise GraphError(
                429,
                "ApplicationThrottled",
                "Application is over its MailboxConcurrency limit.",
                {"Retry-After": "1"},
            )
        world.in_flight[key] += 1
        world.most_in_flight[key[1]] = max(world.most_in_flight[key[1]], world.in_flight[key])
        try:
            yield
        finally:
            world.in_flight[key] -= 1

    async def _with_faults(
        self, route: str, mailbox: str, request: web.Request, handler: Handler
    ) -> web.StreamResponse:
        fault = self._world.next_fault(route, mailbox)
        if fault is None:
            return await handler(request)
        await asyncio.sleep(fault.delay)
        response: web.StreamResponse | None = None
        if fault.take or not (fault.status or fault.reset or fault.hang):
            response = await handler(request)
        else:
            await request.read()
        if fault.hang:
            await asyncio.sleep(_HANG_SECONDS)
        if fault.reset and request.transport is not None:
            request.transport.abort()
        return _answer(fault) if fault.status or response is None else response

    def _note(self, request: web.Request, status: int, app: str) -> None:
        peer = request.transport.get_extra_info("peername") if request.transport else None
        self._world.requests.append(
            Request(
                method=request.method,
                path=request.path,
                status=status,
                client_request_id=request.headers.get("client-request-id", ""),
                connection=peer[1] if peer else 0,
                app=app,
                at=datetime.now(UTC).isoformat(),
            )
        )


def _answer(fault: Fault) -> web.Response:
    if isinstance(fault.body, str):
        text, kind = fault.body, "text/html"
    else:
        text, kind = ("" if fault.body is None else json.dumps(fault.body)), "application/json"
    return web.Response(
        status=fault.status or 500, text=text, content_type=kind, headers=fault.headers
    )
