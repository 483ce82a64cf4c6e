"""The control address, /_control: what was received, and what shall go wrong."""

from collections.abc import Callable
from dataclasses import asdict, fields
from typing import Any

from aiohttp import web

from local.graph_simulator.world import Application, Fault, World


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
            web.post("/_control/faults", self._set_faults),
            web.post("/_control/settings", self._set_rules),
            web.post("/_control/applications", self._set_applications),
            web.post("/_control/reset", self._reset),
        ]

    async def _show_addresses(self, _request: web.Request) -> web.Response:
        return web.json_response(self._addresses())

    async def _mails(self, _request: web.Request) -> web.Response:
        return web.json_response([mail.as_json() for mail in self._world.mails])

    async def _requests(self, _request: web.Request) -> web.Response:
        return web.json_response([asdict(request) for request in self._world.requests])

    async def _state(self, _request: web.Request) -> web.Response:
        return web.json_response(
            {
                "rules": asdict(self._world.rules),
                "drafts": list(self._world.drafts),
                "uploads": len(self._world.uploads),
                "most_in_flight": dict(self._world.most_in_flight),
                "faults": [asdict(fault) for fault in self._world.faults if fault.times > 0],
            }
        )

    async def _set_faults(self, request: web.Request) -> web.Response:
        entries = await request.json()
        try:
            self._world.faults = [Fault(**entry) for entry in entries]
        except TypeError as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response({"faults": len(entries)})

    async def _set_rules(self, request: web.Request) -> web.Response:
        changes: dict[str, Any] = await request.json()
        known = {rule.name for rule in fields(self._world.rules)}
        if unknown := sorted(changes.keys() - known):
            return web.json_response(
                {"error": f"unknown: {', '.join(unknown)}", "known": sorted(known)}, status=400
            )
        for name, value in changes.items():
            setattr(self._world.rules, name, value)
        return web.json_response(asdict(self._world.rules))

    async def _set_applications(self, request: web.Request) -> web.Response:
        try:
            self._world.applications = [Application(**entry) for entry in await request.json()]
        except TypeError as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response({"applications": len(self._world.applications)})

    async def _reset(self, _request: web.Request) -> web.Response:
        self._world.reset()
        return web.json_response({})
