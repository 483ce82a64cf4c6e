"""users.messages.list and users.messages.get, as far as somebody who has sent mails needs them.

A search that the simulator does not understand is refused: it must not find nothing instead.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from local.gmail_simulator.errors import api_error
from local.gmail_simulator.world import LOOK_SCOPES, World

AsUsual = Callable[[web.Request], Awaitable[web.Response]]
WithFaults = Callable[[str, AsUsual], AsUsual]
"""A handler of the route so named, as it is when something shall go wrong there."""
_METADATA = "https://www.googleapis.com/auth/gmail.metadata"
_SEARCH = re.compile(r"rfc822msgid:<?([^\s<>\"(){}]+?)>?(?: after:([0-9]+))?")


class ReadingRoutes:
    """The routes under /gmail, around one world."""

    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self, with_faults: WithFaults) -> list[web.RouteDef]:
        messages = "/gmail/v1/users/{user}/messages"
        return [
            web.get(messages, with_faults("list", self._list)),
            web.get(messages + "/{id}", with_faults("get", self._get)),
        ]

    async def _list(self, request: web.Request) -> web.Response:
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        search = _SEARCH.fullmatch(request.query.get("q", ""))
        if search is None or request.query.get("labelIds") != "SENT":
            return api_error(400, "invalidArgument", "The simulator does not know this search.")
        after = float(search[2] or 0)
        found = [
            {"id": mail["id"], "threadId": mail["id"]}
            for mail in reversed(self._mails_of(request))
            if mail["message_id"].strip("<>") == search[1] and mail["at"] > after
        ]
        # Like Google it says nothing of an empty list.
        messages = {"messages": found[: int(request.query.get("maxResults", 100))]} if found else {}
        return web.json_response(messages | {"resultSizeEstimate": len(found)})

    async def _get(self, request: web.Request) -> web.Response:
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        wanted = {name.lower() for name in request.query.getall("metadataHeaders", [])}
        for mail in self._mails_of(request):
            if mail["id"] == request.match_info["id"]:
                fields = [one for one in mail["fields"] if one["name"].lower() in wanted]
                return web.json_response(
                    {
                        "id": mail["id"],
                        "labelIds": ["SENT"],
                        "internalDate": str(int(mail["at"] * 1000)),
                        "payload": {"headers": fields},
                    }
                )
        return api_error(404, "notFound", "Requested entity was not found.")

    def _mails_of(self, request: web.Request) -> list[dict[str, Any]]:
        token = self._world.token_of(request.headers)
        return [mail for mail in self._world.mails if token and mail["mailbox"] == token.user]

    def _refusal(self, request: web.Request) -> web.Response | None:
        token = self._world.token_of(request.headers)
        if token is None:
            return api_error(401, "authError", "Invalid Credentials")
        if request.match_info["user"].lower() not in ("me", token.user.lower()):
            return api_error(403, "forbidden", f"Delegation denied for {token.user}")
        if _METADATA in token.scopes and "q" in request.query:
            return api_error(403, "forbidden", "Metadata scope does not support 'q' parameter")
        if LOOK_SCOPES.isdisjoint(token.scopes):
            return api_error(403, "insufficientPermissions", "Insufficient Permission")
        return None
