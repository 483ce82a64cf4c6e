"""sendMail, and looking into Sent Items and Drafts."""

import base64
import binascii
import re
import time
from typing import Any

from aiohttp import web

from local.graph_simulator.errors import GraphError
from local.graph_simulator.gate import Gate
from local.graph_simulator.json_mail import mail_of_json, object_of
from local.graph_simulator.mime import has_bare_lf, mangled, read_header, without_bcc
from local.graph_simulator.world import Mail, World

_BY_MESSAGE_ID = re.compile(r"\s*internetMessageId\s+eq\s+'((?:[^']|'')*)'\s*")


class MailRoutes:
    """The routes that send in one call, and those that look."""

    def __init__(self, world: World, gate: Gate) -> None:
        self._world = world
        self._gate = gate

    def routes(self) -> list[web.RouteDef]:
        user = "/v1.0/users/{user}"
        graph = self._gate.graph
        return [
            web.post("/v1.0/me/sendMail", self._me),
            web.post(f"{user}/sendMail", graph("sendMail", "Mail.Send", self._send_mail)),
            web.get(
                f"{user}/mailFolders/{{folder}}/messages",
                graph("lookup", "Mail.Read", self._find),
            ),
        ]

    async def _me(self, _request: web.Request) -> web.Response:
        return GraphError(
            400,
            "BadRequest",
            "/me request is only valid with delegated authentication flow.",
        ).response()

    async def _send_mail(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        if (refused := refuse_large(self._world, body)) is not None:
            return refused
        count_octets(self._world, request, len(body))
        kind = request.headers.get("Content-Type", "")
        if kind == "text/plain":
            mail = mail_of_mime(self._world, request, body)
        elif kind.partition(";")[0].strip() == "application/json":
            mail = mail_of_json(request, object_of(body).get("message") or {})
        else:
            raise GraphError(415, "UnsupportedMediaType", f"{kind!r} is not taken here.")
        check_sender(self._world, mail.mailbox, mail)
        self._world.mails.append(mail)
        return web.Response(status=202)

    async def _find(self, request: web.Request) -> web.Response:
        wanted = _BY_MESSAGE_ID.fullmatch(request.query.get("$filter", ""))
        if wanted is None:
            raise GraphError(400, "ErrorInvalidUrlQueryFilter", "The query filter is invalid.")
        message_id = wanted[1].replace("''", "'")
        folder = request.match_info["folder"].casefold()
        mailbox = request.match_info["user"].casefold()
        found: list[dict[str, Any]] = []
        if folder == "sentitems":
            found = [
                {"id": mail.item_id, "sentDateTime": mail.at, "isDraft": False}
                for mail in self._world.mails
                if mail.message_id == message_id
                and mail.mailbox.casefold() == mailbox
                and mail.visible_from <= time.monotonic()
            ]
        elif folder == "drafts":
            found = [
                {"id": draft_id, "isDraft": True}
                for draft_id, draft in self._world.drafts.items()
                if draft["internetMessageId"] == message_id and draft["mailbox"] == mailbox
            ]
        return web.json_response({"value": found[: int(request.query.get("$top", "10"))]})


def refuse_large(world: World, body: bytes) -> web.Response | None:
    """The answer to a body above the cap; None for one within it."""
    if len(body) <= world.rules.body_limit:
        return None
    status = int(world.rules.over_limit)
    if status == 200:
        return web.Response(status=200)
    message = "The maximum request length supported is 4MB."
    return GraphError(status, "BadRequest", message).response()


def count_octets(world: World, request: web.Request, size: int) -> None:
    if not world.count_upload(request["app"], request.match_info["user"].casefold(), size):
        raise GraphError(
            429,
            "ApplicationThrottled",
            "Application is over its IncomingBytes limit.",
            {"Retry-After": "5"},
        )


def mail_of_mime(world: World, request: web.Request, body: bytes) -> Mail:
    """Raises GraphError for what Graph refuses at once."""
    try:
        mime = base64.b64decode(body.replace(b"\r", b"").replace(b"\n", b""), validate=True)
    except binascii.Error:
        mime = b""
    rules = world.rules
    if not mime or (rules.bare_lf == "refuse" and has_bare_lf(mime)):
        raise GraphError(
            400,
            "ErrorMimeContentInvalidBase64String",
            "Invalid base64 string for MIME content.",
        )
    header = read_header(mime)
    if not header.recipients:
        raise GraphError(
            400,
            "ErrorInvalidRecipients",
            "At least one recipient is not valid., A message can't be sent because it contains"
            " no recipients.",
        )
    delivered = mangled(mime) if rules.bare_lf == "mangle" and has_bare_lf(mime) else mime
    return Mail(
        mailbox=request.match_info["user"],
        recipients=header.recipients,
        mime=mime,
        delivered=without_bcc(delivered),
        message_id=header.message_id,
        subject=header.subject,
        app=request["app"],
        request_id=request["request_id"],
        client_request_id=request.headers.get("client-request-id", ""),
    )


def check_sender(world: World, mailbox: str, mail: Mail) -> None:
    """Raises GraphError unless the mailbox may send with the mail's From."""
    if not mail.mime:
        return
    header = read_header(mail.mime)
    allowed = [mailbox, *world.rules.send_as.get(mailbox, [])]
    is_allowed = header.from_address.casefold() in {name.casefold() for name in allowed}
    if (header.from_address and not is_allowed) or "@" in header.from_name:
        raise GraphError(
            403,
            "ErrorSendAsDenied",
            "The user account which was used to submit this request does not have the right to"
            " send mail on behalf of the specified sending account., Cannot submit message.",
        )
