"""What every call of Graph passes first: token, slot, faults, permission, mailbox."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web
from aiohttp.typedefs import Handler

from local.graph_simulator.errors import (
    GraphError,
    access_denied,
    insufficient_privileges,
    invalid_token,
    revoked_token,
    throttled,
)
from local.graph_simulator.faults import with_faults
from local.graph_simulator.mailboxes import check_mailbox, mailbox_named
from local.graph_simulator.rules import Permission, Route
from local.graph_simulator.world import Token, World

READ: tuple[Permission, ...] = ("Mail.Read", "Mail.ReadBasic", "Mail.ReadWrite")
WRITE: tuple[Permission, ...] = ("Mail.ReadWrite",)
SEND: tuple[Permission, ...] = ("Mail.Send",)
ROOTS = ("/v1.0/users/{user}", "/v1.0/me")
_AUDIENCES = (
    "https://graph.microsoft.com",
    "https://graph.microsoft.us",
    "https://dod-graph.microsoft.us",
    "https://microsoftgraph.chinacloudapi.cn",
)
_DIAGNOSTIC = (
    '{"ServerInfo":{"DataCenter":"Simulated","Slice":"E","Ring":"0","ScaleUnit":"000",'
    '"RoleInstance":"SIM0"}}'
)


@dataclass(frozen=True)
class Call:
    """Who asks, and for which mailbox."""

    app: str
    mailbox: str
    request_id: str
    client_request_id: str


GraphHandler = Callable[[web.Request, Call], Awaitable[web.StreamResponse]]


class Gate:
    """Wraps the handlers of routes."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.own_address = ""

    def guard(
        self,
        route: Route,
        handler: Handler,
        mailbox_of: Callable[[web.Request], str] = lambda request: "",
    ) -> Handler:
        """A route without a token of Graph."""

        async def guarded(request: web.Request) -> web.StreamResponse:
            async def go() -> web.StreamResponse:
                mailbox = mailbox_of(request)
                return await with_faults(
                    self._world, route, mailbox, request, lambda: handler(request)
                )

            return await _answered(request, str(uuid.uuid4()), go)

        return guarded

    def graph(
        self, route: Route, permissions: tuple[Permission, ...], handler: GraphHandler
    ) -> Handler:
        """A route of Graph; one of `permissions` is needed."""

        async def guarded(request: web.Request) -> web.StreamResponse:
            request_id = str(uuid.uuid4())

            async def go() -> web.StreamResponse:
                token = self._token_of(request)
                call = self._call_of(request, token, request_id)

                async def as_usual() -> web.StreamResponse:
                    self._check_permission(token, call, permissions)
                    check_mailbox(self._world.rules, call.mailbox)
                    return await handler(request, call)

                async with self._slot(call):
                    await asyncio.sleep(self._world.rules.delay)
                    return await with_faults(self._world, route, call.mailbox, request, as_usual)

            return await _answered(request, request_id, go)

        return guarded

    def directory(
        self, route: Route, permissions: tuple[Permission, ...], handler: Handler
    ) -> Handler:
        """A route of Graph that is about no mailbox; one of `permissions` is needed."""

        async def guarded(request: web.Request) -> web.StreamResponse:
            async def go() -> web.StreamResponse:
                token = self._token_of(request)

                async def as_usual() -> web.StreamResponse:
                    if self._world.permissions_of(token.app).isdisjoint(permissions):
                        raise insufficient_privileges()
                    return await handler(request)

                return await with_faults(self._world, route, "", request, as_usual)

            return await _answered(request, str(uuid.uuid4()), go)

        return guarded

    async def no_such_route(self, request: web.Request) -> web.StreamResponse:
        """Whatever of Graph is not simulated."""

        async def go() -> web.StreamResponse:
            self._token_of(request)
            segment = request.path.rpartition("/")[2]
            raise GraphError(400, "BadRequest", f"Resource not found for the segment '{segment}'.")

        return await _answered(request, str(uuid.uuid4()), go)

    def _token_of(self, request: web.Request) -> Token:
        scheme, _, text = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not text:
            raise invalid_token("Access token is empty.")
        if "." not in text:
            raise invalid_token(
                "IDX14100: JWT is not well formed, there are no dots (.).\nThe token needs to be in"
                " JWS or JWE Compact Serialization Format."
            )
        token = self._world.tokens.get(text)
        if token is None:
            raise invalid_token("Access token validation failure.")
        if token.audience not in (*_AUDIENCES, self.own_address):
            raise invalid_token("Access token validation failure. Invalid audience.")
        if token.expires_at < time.time():
            raise invalid_token("Lifetime validation failed, the token is expired.")
        if self._world.is_revoked(token):
            raise revoked_token()
        request["line"].app = token.app
        return token

    def _call_of(self, request: web.Request, token: Token, request_id: str) -> Call:
        user = request.match_info.get("user", token.user)
        if not user:
            raise GraphError(
                400,
                "BadRequest",
                "/me request is only valid with delegated authentication flow.",
            )
        return Call(
            app=token.app,
            mailbox=mailbox_named(self._world.rules, user),
            request_id=request_id,
            client_request_id=request.headers.get("client-request-id", request_id),
        )

    def _check_permission(
        self, token: Token, call: Call, permissions: tuple[Permission, ...]
    ) -> None:
        is_own = token.user.casefold() in ("", call.mailbox.casefold())
        if not is_own or self._world.permissions_of(token.app).isdisjoint(permissions):
            raise access_denied()

    @asynccontextmanager
    async def _slot(self, call: Call) -> AsyncIterator[None]:
        world, key = self._world, (call.app, call.mailbox.casefold())
        if world.in_flight[key] >= world.rules.in_flight:
            raise throttled("MailboxConcurrency", 1)
        world.in_flight[key] += 1
        world.most_in_flight[key[1]] = max(world.most_in_flight[key[1]], world.in_flight[key])
        try:
            yield
        finally:
            world.in_flight[key] -= 1


async def _answered(
    request: web.Request, request_id: str, go: Callable[[], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """With the headers that every answer of Graph has, and its errors as answers."""
    client_request_id = request.headers.get("client-request-id", request_id)
    try:
        response = await go()
    except GraphError as error:
        response = error.response(request_id, client_request_id)
    response.headers["request-id"] = request_id
    response.headers["client-request-id"] = client_request_id
    response.headers["x-ms-ags-diagnostic"] = _DIAGNOSTIC
    response.headers["Strict-Transport-Security"] = "max-age=31536000"
    return response
