"""Drafts: creating, attaching small files, sending, deleting."""

import time
from dataclasses import replace
from typing import Any

from aiohttp import web

from local.graph_simulator.composing import body_of, check_sendable, mail_of, mail_of_json
from local.graph_simulator.errors import (
    invalid_parameter,
    item_not_found,
    json_response,
    too_large,
    too_long,
)
from local.graph_simulator.gate import ROOTS, SEND, WRITE, Call, Gate
from local.graph_simulator.items import Draft, new_item_id, now_text
from local.graph_simulator.json_mail import attachment_of_json, object_of
from local.graph_simulator.lookups import seen
from local.graph_simulator.world import World

_PREFER_IMMUTABLE = 'IdType="ImmutableId"'


class DraftRoutes:
    """The routes under /messages that change something."""

    def __init__(self, world: World, gate: Gate) -> None:
        self._world = world
        self._gate = gate

    def routes(self) -> list[web.RouteDef]:
        graph = self._gate.graph
        create = graph("messages", WRITE, self._create)
        patch = graph("message", WRITE, self._patch)
        delete = graph("delete", WRITE, self._delete)
        send = graph("send", SEND, self._send)
        attach = graph("attachments", WRITE, self._attach)
        return [
            route
            for root in ROOTS
            for route in (
                web.post(f"{root}/messages", create),
                web.patch(f"{root}/messages/{{id}}", patch),
                web.delete(f"{root}/messages/{{id}}", delete),
                web.post(f"{root}/messages/{{id}}/send", send),
                web.post(f"{root}/messages/{{id}}/attachments", attach),
            )
        ]

    async def _create(self, request: web.Request, call: Call) -> web.StreamResponse:
        body = await body_of(self._world, request, call)
        if body is None:
            return web.Response(status=200)
        mail = mail_of(self._world.rules, request, call, body)
        is_immutable = _PREFER_IMMUTABLE in request.headers.get("Prefer", "")
        mail.item_id = new_item_id(is_immutable=is_immutable)
        self._world.drafts[mail.item_id] = Draft(mail, is_immutable)
        context = {"@odata.context": f"{self._gate.own_address}/v1.0/$metadata#messages/$entity"}
        return json_response(context | seen(mail, is_draft=True), status=201)

    async def _patch(self, request: web.Request, call: Call) -> web.StreamResponse:
        draft = draft_of(self._world, request, call)
        body = await body_of(self._world, request, call)
        if body is None:
            return web.Response(status=200)
        if draft.mail.draft is None:
            raise invalid_parameter("A draft made from MIME cannot be changed here.")
        changed = mail_of_json(call, draft.mail.draft | object_of(body))
        draft.mail = replace(
            changed,
            item_id=draft.mail.item_id,
            message_id=draft.mail.message_id,
            attachments=draft.mail.attachments,
        )
        return json_response(seen(draft.mail, is_draft=True))

    async def _delete(self, request: web.Request, call: Call) -> web.StreamResponse:
        draft = draft_of(self._world, request, call)
        del self._world.drafts[draft.mail.item_id]
        return web.Response(status=204)

    async def _send(self, request: web.Request, call: Call) -> web.StreamResponse:
        world = self._world
        draft = draft_of(world, request, call)
        check_sendable(world.rules, draft.mail)
        del world.drafts[draft.mail.item_id]
        sent: dict[str, Any] = {
            "app": call.app,
            "request_id": call.request_id,
            "client_request_id": call.client_request_id,
            "at": now_text(),
            "visible_from": time.monotonic() + world.rules.sent_delay,
        }
        if not draft.is_immutable:
            sent["item_id"] = new_item_id(is_immutable=False)
        world.mails.append(replace(draft.mail, **sent))
        return web.Response(status=202)

    async def _attach(self, request: web.Request, call: Call) -> web.StreamResponse:
        body = await body_of(self._world, request, call)
        if body is None:
            return web.Response(status=200)
        mail = draft_of(self._world, request, call).mail
        attachment = attachment_of_json(object_of(body))
        if attachment.size >= self._world.rules.smallest_upload:
            raise too_long()
        if mail.size + attachment.size > self._world.rules.message_limit:
            raise too_large()
        mail.attachments.append(attachment)
        shown = {
            "@odata.type": "#microsoft.graph.fileAttachment",
            "id": attachment.id,
            "name": attachment.name,
            "contentType": attachment.content_type,
            "size": attachment.size,
            "isInline": attachment.is_inline,
            "contentId": attachment.content_id,
        }
        return json_response(shown, status=201)


def draft_of(world: World, request: web.Request, call: Call) -> Draft:
    """The draft that an address names. Raises GraphError."""
    draft = world.drafts.get(request.match_info["id"])
    if draft is None or draft.mail.mailbox.casefold() != call.mailbox.casefold():
        raise item_not_found()
    return draft
