"""Upload sessions: large files of a draft, range by range.

https://learn.microsoft.com/graph/outlook-large-attachments. The upload address holds its own
token; whoever sends Authorization there as well is refused.
"""

import re
import secrets
import time
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from local.graph_simulator.body import read_body
from local.graph_simulator.composing import body_of, count_octets
from local.graph_simulator.drafts import draft_of
from local.graph_simulator.errors import (
    GraphError,
    invalid_parameter,
    invalid_token,
    item_not_found,
    json_response,
    too_large,
    too_long,
)
from local.graph_simulator.gate import ROOTS, WRITE, Call, Gate
from local.graph_simulator.items import Upload
from local.graph_simulator.json_mail import object_of
from local.graph_simulator.rules import MIB
from local.graph_simulator.world import World

_LARGEST_UPLOAD = 150 * MIB
_LARGEST_RANGE = 4 * MIB - 1
_RANGE = re.compile(r"bytes (\d{1,12})-(\d{1,12})/(\d{1,12})")


class UploadRoutes:
    """createUploadSession, and the addresses that it gives out."""

    def __init__(self, world: World, gate: Gate) -> None:
        self._world = world
        self._gate = gate

    def routes(self) -> list[web.RouteDef]:
        gate = self._gate
        create = gate.graph("session", WRITE, self._create)
        path = "messages/{id}/attachments/createUploadSession"
        return [
            *(web.post(f"{root}/{path}", create) for root in ROOTS),
            web.put("/upload/{session}", gate.guard("upload", self._put, self._mailbox_of)),
            web.delete("/upload/{session}", gate.guard("upload", self._cancel, self._mailbox_of)),
        ]

    async def _create(self, request: web.Request, call: Call) -> web.StreamResponse:
        draft = draft_of(self._world, request, call)
        body = await body_of(self._world, request, call)
        if body is None:
            return web.Response(status=200)
        item = object_of(body).get("AttachmentItem")
        if not isinstance(item, dict):
            raise invalid_parameter("AttachmentItem is not valid.")
        size = _size_of(item, self._world.rules.smallest_upload)
        session, token = secrets.token_urlsafe(24), secrets.token_urlsafe(48)
        upload = self._world.uploads[session] = Upload(
            draft_id=draft.mail.item_id,
            item=item,
            size=size,
            token=token,
            expires_at=time.time() + self._world.rules.upload_seconds,
            app=call.app,
            mailbox=call.mailbox,
        )
        here = self._gate.own_address
        answer = {
            "@odata.context": f"{here}/v1.0/$metadata#microsoft.graph.uploadSession",
            "uploadUrl": f"{here}/upload/{session}?authtoken={token}",
            "expirationDateTime": _expiry(upload),
            "nextExpectedRanges": ["0-"],
        }
        return json_response(answer, status=201)

    async def _put(self, request: web.Request) -> web.StreamResponse:
        upload = self._upload_of(request)
        octets = await read_body(request, _LARGEST_RANGE)
        if octets is None:
            raise too_long()
        _check_range(request.headers.get("Content-Range", ""), octets, upload)
        count_octets(self._world, upload.app, upload.mailbox, len(octets))
        upload.take(octets)
        if upload.received < upload.size:
            # The field's capital and the range without its dash are Outlook's own.
            return json_response(
                {
                    "ExpirationDateTime": _expiry(upload),
                    "nextExpectedRanges": [str(upload.received)],
                }
            )
        return self._finish(request, upload)

    def _finish(self, request: web.Request, upload: Upload) -> web.Response:
        del self._world.uploads[request.match_info["session"]]
        draft = self._world.drafts.get(upload.draft_id)
        if draft is None:
            raise item_not_found()
        if draft.mail.size + upload.size > self._world.rules.message_limit:
            raise too_large()
        attachment = upload.attachment()
        draft.mail.attachments.append(attachment)
        location = f"{self._gate.own_address}/attachments/{attachment.id}"
        return web.Response(status=201, headers={"Location": location})

    async def _cancel(self, request: web.Request) -> web.StreamResponse:
        self._upload_of(request)
        del self._world.uploads[request.match_info["session"]]
        return web.Response(status=204)

    def _mailbox_of(self, request: web.Request) -> str:
        upload = self._world.uploads.get(request.match_info["session"])
        return upload.mailbox if upload else ""

    def _upload_of(self, request: web.Request) -> Upload:
        if "Authorization" in request.headers:
            raise invalid_token("No Authorization is taken here.")
        upload = self._world.uploads.get(request.match_info["session"])
        if upload is None or upload.token != request.query.get("authtoken"):
            raise item_not_found()
        if upload.expires_at < time.time():
            raise item_not_found()
        return upload


def _size_of(item: dict[str, Any], smallest: int) -> int:
    size = item.get("size")
    if (
        not isinstance(size, int)
        or not item.get("name")
        or str(item.get("attachmentType")).casefold() != "file"
    ):
        raise invalid_parameter("AttachmentItem is not valid.")
    if size < smallest:
        raise GraphError(
            400,
            "ErrorAttachmentSizeShouldNotBeLessThanMinimumSize",
            "The attachment is below the minimum size of an upload session.",
        )
    if size > _LARGEST_UPLOAD:
        raise GraphError(400, "ErrorAttachmentSizeLimitExceeded", "The attachment is too large.")
    return size


def _check_range(content_range: str, octets: bytes, upload: Upload) -> None:
    found = _RANGE.fullmatch(content_range)
    if found is None:
        raise invalid_parameter("Content-Range is not valid.")
    first, last, size = map(int, found.groups())
    if size != upload.size or last >= size or last - first + 1 != len(octets) or not octets:
        raise invalid_parameter("Content-Range does not match.")
    if first != upload.received:
        raise GraphError(416, "ErrorInvalidRange", "Ranges must come in order.")


def _expiry(upload: Upload) -> str:
    return datetime.fromtimestamp(upload.expires_at, UTC).isoformat().replace("+00:00", "Z")
