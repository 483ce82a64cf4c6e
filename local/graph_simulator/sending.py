"""sendMail: a mail in one request."""

import time

from aiohttp import web

from local.graph_simulator.composing import (
    body_of,
    check_sendable,
    is_mime,
    mail_of,
    mail_of_json,
)
from local.graph_simulator.errors import GraphError, invalid_parameter
from local.graph_simulator.gate import ROOTS, SEND, Call, Gate
from local.graph_simulator.items import Mail
from local.graph_simulator.json_mail import object_of
from local.graph_simulator.world import World


class SendingRoutes:
    """https://learn.microsoft.com/graph/api/user-sendmail"""

    def __init__(self, world: World, gate: Gate) -> None:
        self._world = world
        self._gate = gate

    def routes(self) -> list[web.RouteDef]:
        handler = self._gate.graph("sendMail", SEND, self._send_mail)
        return [web.post(f"{root}/sendMail", handler) for root in ROOTS]

    async def _send_mail(self, request: web.Request, call: Call) -> web.StreamResponse:
        world = self._world
        body = await body_of(world, request, call)
        if body is None:
            return web.Response(status=200)
        mail = (
            mail_of(world.rules, request, call, body) if is_mime(request) else _wrapped(call, body)
        )
        check_sendable(world.rules, mail)
        mail.visible_from = time.monotonic() + world.rules.sent_delay
        world.mails.append(mail)
        return web.Response(status=202)


def _wrapped(call: Call, body: bytes) -> Mail:
    """The JSON form holds the message, and whether its copy is kept."""
    wrapper = object_of(body)
    message = wrapper.get("message") or {}
    if not isinstance(message, dict):
        raise GraphError(400, "UnableToDeserializePostBody", "were unable to deserialize ")
    if not message:
        raise invalid_parameter("The value of the parameter 'Message' is empty.")
    mail = mail_of_json(call, message)
    mail.is_saved = wrapper.get("saveToSentItems") is not False
    return mail
