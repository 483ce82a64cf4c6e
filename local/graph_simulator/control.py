"""The control address, /_control: what was received, and what shall go wrong."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler
from pydantic import TypeAdapter, ValidationError

from local.graph_simulator.rules import Application, Fault, Rules
from local.graph_simulator.world import World

_FAULTS = TypeAdapter(list[Fault])
_APPLICATIONS = TypeAdapter(list[Application])


class ControlRoutes:
    """No token is asked for here."""

    def __init__(self, world: World, addresses: Callable[[], dict[str, str]]) -> None:
        self._world = world
        self._addresses = addresses

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/_control/addresses", self._show_addresses),
            web.get("/_control/mails", self._mails),
            web.get("/_control/requests", self._requests),
            web.get("/_control/state", self._state),
            web.post("/_control/faults", _checked(self._set_faults)),
            web.post("/_control/settings", _checked(self._set_rules)),
            web.post("/_control/applications", _checked(self._know)),
            web.post("/_control/reset", self._reset),
        ]

    async def _show_addresses(self, _request: web.Request) -> web.Response:
        return web.json_response(self._addresses())

    async def _mails(self, request: web.Request) -> web.Response:
        first = int(request.query.get("from", "0"))
        return web.json_response([mail.as_json() for mail in self._world.mails[first:]])

    async def _requests(self, _request: web.Request) -> web.Response:
        return web.json_response([asdict(request) for request in self._world.requests])

    async def _state(self, _request: web.Request) -> web.Response:
        world = self._world
        return web.json_response(
            {
                "rules": asdict(world.rules),
                "mails": len(world.mails),
                "drafts": list(world.drafts),
                "uploads": len(world.uploads),
                "most_in_flight": dict(world.most_in_flight),
                "faults": [asdict(fault) for fault in world.faults if fault.times > 0],
            }
        )

    async def _set_faults(self, request: web.Request) -> web.StreamResponse:
        """In place of those of before."""
        self._world.faults = _FAULTS.validate_python(await request.json())
        return web.json_response({"faults": len(self._world.faults)})

    async def _set_rules(self, request: web.Request) -> web.StreamResponse:
        """Those that are named; the others stay."""
        changes: dict[str, Any] = await request.json()
        self._world.rules = Rules(**asdict(self._world.rules) | changes)
        return web.json_response(asdict(self._world.rules))

    async def _know(self, request: web.Request) -> web.StreamResponse:
        """Besides those of before."""
        for application in _APPLICATIONS.validate_python(await request.json()):
            self._world.know(application)
        return web.json_response({"applications": len(self._world.applications)})

    async def _reset(self, _request: web.Request) -> web.Response:
        self._world.reset()
        return web.json_response({})


def _checked(handler: Handler) -> Handler:
    async def checked(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except (ValidationError, TypeError, ValueError) as error:
            return web.json_response({"error": str(error)}, status=400)

    return checked
