"""Drafts, their attachments, upload sessions, and sending a draft."""

import base64
import binascii
import hashlib
import re
import secrets
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from local.graph_simulator.errors import GraphError
from local.graph_simulator.gate import Gate
from local.graph_simulator.json_mail import check_headers, object_of, recipients_of
from local.graph_simulator.mail import check_sender, count_octets, mail_of_mime, refuse_large
from local.graph_simulator.world import MIB, Mail, World, new_item_id

_SMALLEST_UPLOAD = 3 * 1000 * 1000
_LARGEST_UPLOAD = 150 * MIB
_LARGEST_RANGE = 4 * MIB
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")
_LIFETIME = timedelta(hours=24)


class DraftRoutes:
    """The routes under /messages, and the upload addresses."""

    def __init__(self, world: World, gate: Gate) -> None:
        self._world = world
        self._gate = gate

    def routes(self) -> list[web.RouteDef]:
        messages = "/v1.0/users/{user}/messages"
        one = f"{messages}/{{id}}"
        graph, write = self._gate.graph, "Mail.ReadWrite"
        return [
            web.post(messages, graph("messages", write, self._create)),
            web.get(one, graph("message", "Mail.Read", self._show)),
            web.patch(one, graph("message", write, self._patch)),
            web.delete(one, graph("delete", write, self._delete)),
            web.post(f"{one}/send", graph("send", "Mail.Send", self._send)),
            web.post(f"{one}/attachments", graph("attachments", write, self._attach)),
            web.post(
                f"{one}/attachments/createUploadSession", graph("session", write, self._session)
            ),
            web.put("/upload/{session}", self._gate.guard("upload", self._put_range)),
            web.delete("/upload/{session}", self._gate.guard("upload", self._cancel)),
        ]

    async def _create(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        if (refused := refuse_large(self._world, body)) is not None:
            return refused
        count_octets(self._world, request, len(body))
        draft: dict[str, Any] = {
            "mailbox": request.match_info["user"].casefold(),
            "isImmutable": 'IdType="ImmutableId"' in request.headers.get("Prefer", ""),
            "attachments": [],
            "mime": None,
            "message": {},
        }
        if request.headers.get("Content-Type") == "text/plain":
            draft["mime"] = mail = mail_of_mime(self._world, request, body)
            draft["internetMessageId"] = mail.message_id
        else:
            message = draft["message"] = object_of(body)
            check_headers(message)
            for attachment in message.pop("attachments", []):
                draft["attachments"].append(_attachment(attachment))
            draft["internetMessageId"] = (
                message.get("internetMessageId") or f"<{secrets.token_hex(16)}@simulated>"
            )
        draft_id = new_item_id()
        self._world.drafts[draft_id] = draft
        return web.json_response(_seen(draft_id, draft), status=201)

    async def _show(self, request: web.Request) -> web.Response:
        item_id = request.match_info["id"]
        for mail in self._world.mails:
            if mail.item_id == item_id and mail.visible_from <= time.monotonic():
                return web.json_response(
                    {
                        "id": item_id,
                        "isDraft": False,
                        "parentFolderId": "sentitems",
                        "internetMessageId": mail.message_id,
                    }
                )
        return web.json_response(_seen(item_id, self._draft(request)))

    async def _patch(self, request: web.Request) -> web.Response:
        draft = self._draft(request)
        draft["message"] |= object_of(await request.read())
        check_headers(draft["message"])
        return web.json_response(_seen(request.match_info["id"], draft))

    async def _delete(self, request: web.Request) -> web.Response:
        self._draft(request)
        del self._world.drafts[request.match_info["id"]]
        return web.Response(status=204)

    async def _send(self, request: web.Request) -> web.Response:
        draft_id = request.match_info["id"]
        draft = self._draft(request)
        mail = self._mail_of(request, draft)
        mail.item_id = draft_id if draft["isImmutable"] else new_item_id()
        mail.visible_from = time.monotonic() + self._world.rules.sent_delay
        del self._world.drafts[draft_id]
        self._world.mails.append(mail)
        return web.Response(status=202)

    def _mail_of(self, request: web.Request, draft: dict[str, Any]) -> Mail:
        user = request.match_info["user"]
        if draft["mime"] is not None:
            mail: Mail = draft["mime"]
            check_sender(self._world, user, mail)
            mail.attachments = draft["attachments"]
            return mail
        recipients = recipients_of(draft["message"])
        if not recipients:
            raise GraphError(400, "ErrorInvalidRecipients", "At least one recipient is not valid.")
        return Mail(
            mailbox=user,
            recipients=recipients,
            mime=b"",
            delivered=b"",
            message_id=draft["internetMessageId"],
            subject=str(draft["message"].get("subject", "")),
            app=request["app"],
            request_id=request["request_id"],
            client_request_id=request.headers.get("client-request-id", ""),
            attachments=draft["attachments"],
            draft=draft["message"],
        )

    async def _attach(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        if (refused := refuse_large(self._world, body)) is not None:
            return refused
        count_octets(self._world, request, len(body))
        attachment = _attachment(object_of(body))
        self._draft(request)["attachments"].append(attachment)
        return web.json_response(
            {"id": secrets.token_hex(8), "name": attachment["name"], "size": attachment["size"]},
            status=201,
        )

    async def _session(self, request: web.Request) -> web.Response:
        self._draft(request)
        item = object_of(await request.read()).get("AttachmentItem") or {}
        size = item.get("size")
        if (
            item.get("attachmentType") != "file"
            or not isinstance(size, int)
            or not item.get("name")
        ):
            raise GraphError(400, "ErrorInvalidParameter", "AttachmentItem is not valid.")
        if size < _SMALLEST_UPLOAD:
            raise GraphError(
                400,
                "ErrorAttachmentSizeShouldNotBeLessThanMinimumSize",
                "The attachment is below the minimum size of an upload session.",
            )
        if size > _LARGEST_UPLOAD:
            raise GraphError(
                400, "ErrorAttachmentSizeLimitExceeded", "The attachment is too large."
            )
        session, token = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
        expires = datetime.now(UTC) + _LIFETIME
        self._world.uploads[session] = {
            "draft": request.match_info["id"],
            "item": item,
            "token": token,
            "octets": bytearray(),
            "expires": expires.timestamp(),
            "app": request["app"],
            "mailbox": request.match_info["user"].casefold(),
        }
        return web.json_response(
            {
                "@odata.context": f"{self._gate.own_address}/v1.0/$metadata#uploadSession",
                "uploadUrl": f"{self._gate.own_address}/upload/{session}?authtoken={token}",
                "expirationDateTime": expires.isoformat().replace("+00:00", "Z"),
                "nextExpectedRanges": ["0-"],
            },
            status=201,
        )

    async def _put_range(self, request: web.Request) -> web.StreamResponse:
        try:
            return await self._take_range(request)
        except GraphError as error:
            return error.response()

    async def _take_range(self, request: web.Request) -> web.Response:
        session = self._upload(request)
        body = await request.read()
        item, octets = session["item"], session["octets"]
        found = _RANGE.fullmatch(request.headers.get("Content-Range", ""))
        if found is None:
            raise GraphError(400, "ErrorInvalidParameter", "Content-Range is not valid.")
        first, last, size = map(int, found.groups())
        if size != item["size"] or last - first + 1 != len(body) or last >= size:
            raise GraphError(400, "ErrorInvalidParameter", "Content-Range does not match.")
        if len(body) >= _LARGEST_RANGE:
            raise GraphError(413, "BadRequest", "The maximum request length supported is 4MB.")
        if first != len(octets):
            raise GraphError(416, "ErrorInvalidRange", "Ranges must come in order.")
        if not self._world.count_upload(session["app"], session["mailbox"], len(body)):
            raise GraphError(
                429,
                "ApplicationThrottled",
                "Application is over its IncomingBytes limit.",
                {"Retry-After": "5"},
            )
        octets += body
        if len(octets) < size:
            expires = datetime.fromtimestamp(session["expires"], UTC)
            return web.json_response(
                {
                    "ExpirationDateTime": expires.isoformat().replace("+00:00", "Z"),
                    "nextExpectedRanges": [str(len(octets))],
                }
            )
        del self._world.uploads[request.match_info["session"]]
        draft = self._world.drafts.get(session["draft"])
        if draft is None:
            raise GraphError(404, "ErrorItemNotFound", "The draft is gone.")
        draft["attachments"].append(_described(item, bytes(octets)))
        location = f"{self._gate.own_address}/attachments/{secrets.token_hex(8)}"
        return web.Response(status=201, headers={"Location": location})

    async def _cancel(self, request: web.Request) -> web.StreamResponse:
        try:
            self._upload(request)
        except GraphError as error:
            return error.response()
        del self._world.uploads[request.match_info["session"]]
        return web.Response(status=204)

    def _upload(self, request: web.Request) -> dict[str, Any]:
        session = self._world.uploads.get(request.match_info["session"])
        if "Authorization" in request.headers:
            raise GraphError(401, "InvalidAuthenticationToken", "No Authorization is taken here.")
        if session is None or session["token"] != request.query.get("authtoken"):
            raise GraphError(404, "ErrorItemNotFound", "The upload session was not found.")
        if session["expires"] < time.time():
            raise GraphError(404, "ErrorItemNotFound", "The upload session has expired.")
        return session

    def _draft(self, request: web.Request) -> dict[str, Any]:
        draft = self._world.drafts.get(request.match_info["id"])
        if draft is None or draft["mailbox"] != request.match_info["user"].casefold():
            raise GraphError(
                404, "ErrorItemNotFound", "The specified object was not found in the store."
            )
        return draft


def _attachment(attachment: dict[str, Any]) -> dict[str, Any]:
    if attachment.get("@odata.type") != "#microsoft.graph.fileAttachment":
        raise GraphError(400, "ErrorInvalidParameter", "Only file attachments are simulated.")
    try:
        octets = base64.b64decode(attachment.get("contentBytes", ""), validate=True)
    except (binascii.Error, TypeError) as error:
        raise GraphError(400, "ErrorInvalidParameter", "contentBytes is no base64.") from error
    if len(octets) >= _SMALLEST_UPLOAD:
        raise GraphError(413, "BadRequest", "The maximum request length supported is 4MB.")
    return _described(attachment, octets)


def _described(item: dict[str, Any], octets: bytes) -> dict[str, Any]:
    return {
        "name": item.get("name", ""),
        "contentType": item.get("contentType", ""),
        "isInline": bool(item.get("isInline")),
        "contentId": item.get("contentId"),
        "size": len(octets),
        "sha256": hashlib.sha256(octets).hexdigest(),
    }


def _seen(draft_id: str, draft: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": draft_id,
        "isDraft": True,
        "parentFolderId": "drafts",
        "internetMessageId": draft["internetMessageId"],
    }
