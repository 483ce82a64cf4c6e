"""`python -m local.gmail_simulator`: run the simulator until told to stop.

One line on standard output, its address, says that it is ready.
"""

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict

from aiohttp import web
from pydantic import TypeAdapter, ValidationError

from local.gmail_simulator.errors import api_error
from local.gmail_simulator.federation import FederationRoutes
from local.gmail_simulator.reading import AsUsual, ReadingRoutes
from local.gmail_simulator.sending import Refused, User, sent
from local.gmail_simulator.world import SEND_SCOPES, Fault, Token, TokenRefused, World
from local.graph_simulator.body import drain, read_body

_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_FAULTS = TypeAdapter(list[Fault])


class Simulator:
    """The routes, around one world."""

    def __init__(self) -> None:
        self.world = World()

    def application(self) -> web.Application:
        application = web.Application()
        application.add_routes(
            [
                web.post("/token", self._with_faults("token", self._token)),
                web.post(
                    "/upload/gmail/v1/users/{user}/messages/send",
                    self._with_faults("send", self._send),
                ),
                *FederationRoutes(self.world).routes(self._with_faults),
                *ReadingRoutes(self.world).routes(self._with_faults),
                web.get("/_control/service-account", self._service_account),
                web.get("/_control/state", self._state),
                web.post("/_control/faults", self._set_faults),
                web.post("/_control/rules", self._set_rules),
                web.post("/_control/reset", self._reset),
            ]
        )
        return application

    def _with_faults(self, route: str, as_usual: AsUsual) -> AsUsual:
        async def handler(request: web.Request) -> web.Response:
            fault = self.world.next_fault(route)
            if fault is None:
                return await as_usual(request)
            if fault.take:
                await as_usual(request)
            else:
                await drain(request)
            if fault.reset and request.transport is not None:
                request.transport.abort()
            is_text = isinstance(fault.body, str)
            return web.Response(
                status=fault.status,
                text=fault.body if is_text else json.dumps(fault.body or {}),
                content_type="text/html" if is_text else "application/json",
                headers=fault.headers,
            )

        return handler

    async def _token(self, request: web.Request) -> web.Response:
        form = await request.post()
        try:
            if form.get("grant_type") != _GRANT:
                raise TokenRefused("unsupported_grant_type", "Invalid grant_type")
            token = self.world.issue(str(form.get("assertion", "")), _token_uri(request))
        except TokenRefused as refusal:
            error, description = refusal.args
            body = {"error": error, "error_description": description}
            status = 401 if error == "unauthorized_client" else 400
            return web.json_response(body, status=status)
        seconds = self.world.rules.token_seconds
        return web.json_response(
            {"access_token": token, "expires_in": seconds, "token_type": "Bearer"}
        )

    async def _send(self, request: web.Request) -> web.Response:
        world = self.world
        peer = request.transport.get_extra_info("peername") if request.transport else None
        world.connections.add(peer[1] if peer else 0)
        octets = await read_body(request, world.rules.message_limit)
        token = world.token_of(request.headers)
        refusal = self._refusal(request, token)
        if refusal is not None or token is None:
            return refusal or api_error(401, "authError", "Invalid Credentials")
        if octets is None:
            return api_error(413, "uploadTooLarge", "Upload is too large.")
        aliases = tuple(world.rules.aliases.get(token.user.lower(), ()))
        try:
            mail = sent(octets, User(token.user, aliases))
        except Refused as fault:
            return api_error(400, fault.reason, str(fault))
        world.mails.append(mail)
        return web.json_response({"id": mail["id"], "threadId": mail["id"], "labelIds": ["SENT"]})

    def _refusal(self, request: web.Request, token: Token | None) -> web.Response | None:
        if token is None:
            return api_error(401, "authError", "Invalid Credentials")
        if not self.world.rules.api_is_on:
            return api_error(
                403, "accessNotConfigured", "Gmail API has not been used in project 1."
            )
        if SEND_SCOPES.isdisjoint(token.scopes):
            return api_error(403, "insufficientPermissions", "Insufficient Permission")
        if request.match_info["user"].lower() not in ("me", token.user.lower()):
            return api_error(403, "forbidden", f"Delegation denied for {token.user}")
        if request.query.get("uploadType") != "media":
            return api_error(400, "badRequest", "Invalid upload type.")
        if request.content_type != "message/rfc822":
            return api_error(
                400, "badRequest", f"Media type '{request.content_type}' not supported."
            )
        return None

    async def _service_account(self, request: web.Request) -> web.Response:
        return web.json_response(self.world.service_account(_token_uri(request)))

    async def _state(self, _request: web.Request) -> web.Response:
        world = self.world
        return web.json_response(
            {
                "rules": asdict(world.rules),
                "mails": world.mails,
                "tokens_given": world.tokens_given,
                "connections": len(world.connections),
            }
        )

    async def _set_faults(self, request: web.Request) -> web.Response:
        """In place of those of before."""
        return await self._set(request, self._replace_faults)

    def _replace_faults(self, text: str) -> None:
        self.world.faults = _FAULTS.validate_json(text)

    async def _set_rules(self, request: web.Request) -> web.Response:
        """Those that are named; the others stay."""
        return await self._set(request, lambda text: self.world.change(json.loads(text)))

    async def _set(self, request: web.Request, change: Callable[[str], None]) -> web.Response:
        try:
            change(await request.text())
        except (ValidationError, TypeError, ValueError) as fault:
            return web.json_response({"error": str(fault)}, status=400)
        return web.json_response({})

    async def _reset(self, _request: web.Request) -> web.Response:
        self.world.reset()
        return web.json_response({})


def _token_uri(request: web.Request) -> str:
    return f"{request.scheme}://{request.host}/token"


async def run(port: int) -> int:
    runner = web.AppRunner(Simulator().application(), access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
    except OSError as error:
        print(f"gmail_simulator: cannot listen: {error.strerror}", file=sys.stderr)
        await runner.cleanup()
        return 1
    print(f"http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()
    await runner.cleanup()
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m local.gmail_simulator",
        description="Simulate Gmail's messages.send and Google's token endpoint.",
    )
    parser.add_argument("--port", type=int, default=7090, help="0: any free one (%(default)s)")
    return asyncio.run(run(parser.parse_args().port))


if __name__ == "__main__":
    sys.exit(main())
