"""Mails described in JSON: what Graph keeps of them, and what it refuses."""

import json
import secrets
from typing import Any

from aiohttp import web

from local.graph_simulator.errors import GraphError
from local.graph_simulator.world import Mail

_MOST_HEADERS = 5


def object_of(body: bytes) -> dict[str, Any]:
    """The JSON object of a request. Raises GraphError."""
    try:
        value = json.loads(body)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise GraphError(400, "UnableToDeserializePostBody", "were unable to deserialize ")
    return value


def mail_of_json(request: web.Request, message: dict[str, Any]) -> Mail:
    """Raises GraphError for what Graph refuses at once."""
    if not message:
        raise GraphError(
            400, "ErrorInvalidParameter", "The value of the parameter 'Message' is empty."
        )
    check_headers(message)
    recipients = recipients_of(message)
    if not recipients:
        raise GraphError(
            400,
            "ErrorInvalidRecipients",
            "At least one recipient is not valid., A message can't be sent because it contains"
            " no recipients.",
        )
    return Mail(
        mailbox=request.match_info["user"],
        recipients=recipients,
        mime=b"",
        delivered=b"",
        message_id=message.get("internetMessageId") or f"<{secrets.token_hex(16)}@simulated>",
        subject=str(message.get("subject", "")),
        app=request["app"],
        request_id=request["request_id"],
        client_request_id=request.headers.get("client-request-id", ""),
        draft={name: value for name, value in message.items() if name != "attachments"},
    )


def recipients_of(message: dict[str, Any]) -> list[str]:
    named = [
        str(entry.get("emailAddress", {}).get("address", ""))
        for field in ("toRecipients", "ccRecipients", "bccRecipients")
        for entry in message.get(field) or []
    ]
    return list({address.casefold(): address for address in named if "@" in address}.values())


def check_headers(message: dict[str, Any]) -> None:
    """Only x- headers, and five of them. Raises GraphError."""
    headers = message.get("internetMessageHeaders") or []
    for header in headers:
        if not str(header.get("name", "")).lower().startswith("x-"):
            raise GraphError(
                400,
                "InvalidInternetMessageHeader",
                f"The internet message header name '{header.get('name')}' should start with"
                " 'x-' or 'X-'.",
            )
    if len(headers) > _MOST_HEADERS:
        raise GraphError(
            400,
            "InvalidInternetMessageHeaderCollection",
            "Maximum number of headers in one message should be less than or equal to 5.",
        )
