"""From what a request brings to a mail, and whether that mail can be sent."""

import base64
import binascii
import secrets
from typing import Any

from aiohttp import web

from local.graph_simulator.body import read_body
from local.graph_simulator.errors import (
    GraphError,
    invalid_recipients,
    throttled,
    too_large,
    too_long,
)
from local.graph_simulator.gate import Call
from local.graph_simulator.items import Mail
from local.graph_simulator.json_mail import attachment_of_json, header_of_json, object_of
from local.graph_simulator.mailboxes import check_authors
from local.graph_simulator.mime import (
    Header,
    begins_with_header,
    has_bare_lf,
    mangled,
    read_header,
    without_bcc,
)
from local.graph_simulator.rules import Rules
from local.graph_simulator.world import World


async def body_of(world: World, request: web.Request, call: Call) -> bytes | None:
    """None when it is too long and nobody shall be told. Raises GraphError."""
    rules = world.rules
    body = await read_body(request, rules.body_limit)
    if body is None and rules.over_limit != "200":
        raise too_long(int(rules.over_limit))
    if body is not None:
        count_octets(world, call.app, call.mailbox, len(body))
    return body


def count_octets(world: World, app: str, mailbox: str, size: int) -> None:
    if not world.count_upload(app, mailbox, size):
        raise throttled("IncomingBytes", 5)


def mail_of(rules: Rules, request: web.Request, call: Call, body: bytes) -> Mail:
    """The mail in a request that creates a draft or sends at once. Raises GraphError."""
    if is_mime(request):
        return _mail_of_mime(rules, call, body)
    return mail_of_json(call, object_of(body))


def is_mime(request: web.Request) -> bool:
    """Raises GraphError for what is neither MIME nor JSON."""
    kind = request.headers.get("Content-Type", "")
    if kind != "text/plain" and kind.partition(";")[0].strip() != "application/json":
        raise GraphError(415, "UnsupportedMediaType", f"{kind!r} is not taken here.")
    return kind == "text/plain"


def mail_of_json(call: Call, message: dict[str, Any]) -> Mail:
    """Raises GraphError."""
    header = header_of_json(message)
    mail = _mail(call, header)
    mail.attachments = [attachment_of_json(item) for item in message.get("attachments") or []]
    mail.draft = {name: value for name, value in message.items() if name != "attachments"}
    return mail


def check_sendable(rules: Rules, mail: Mail) -> None:
    """Raises GraphError."""
    header = read_header(mail.mime) if mail.draft is None else header_of_json(mail.draft)
    if header.invalid:
        raise invalid_recipients("Recipients that are no addresses were found.")
    if not mail.recipients:
        raise invalid_recipients("A message can't be sent because it contains no recipients.")
    check_authors(rules, mail.mailbox, header.authors)
    if mail.size > rules.message_limit:
        raise too_large()


def _mail_of_mime(rules: Rules, call: Call, body: bytes) -> Mail:
    try:
        mime = base64.b64decode(body.replace(b"\r", b"").replace(b"\n", b""), validate=True)
    except binascii.Error:
        mime = b""
    is_bare = has_bare_lf(mime)
    if not begins_with_header(mime) or (is_bare and rules.bare_lf == "refuse"):
        raise GraphError(
            400,
            "ErrorMimeContentInvalidBase64String",
            "Invalid base64 string for MIME content.",
        )
    mail = _mail(call, read_header(mime))
    mail.mime = mime
    mail.delivered = without_bcc(mangled(mime) if rules.bare_lf == "mangle" else mime)
    return mail


def _mail(call: Call, header: Header) -> Mail:
    return Mail(
        mailbox=call.mailbox,
        to=header.to,
        cc=header.cc,
        bcc=header.bcc,
        message_id=header.message_id or f"<{secrets.token_hex(16)}@simulated.example>",
        subject=header.subject,
        app=call.app,
        request_id=call.request_id,
        client_request_id=call.client_request_id,
    )
