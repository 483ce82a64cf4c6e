"""Mails described in JSON: what Graph reads in them, and what it refuses. Pure."""

import base64
import binascii
import hashlib
import json
import re
from typing import Any

from local.graph_simulator.errors import GraphError, invalid_parameter
from local.graph_simulator.items import Attachment, attachment_of
from local.graph_simulator.mime import Header, is_address

_MOST_HEADERS = 5
_GUID = r"\{[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\}"
_PROPERTY = re.compile(
    rf"(?:String|Integer|Boolean) (?:0x[0-9A-Fa-f]{{4}}|{_GUID} Name \S+|{_GUID} Id 0x[0-9A-Fa-f]+)"
)


def object_of(body: bytes) -> dict[str, Any]:
    """Raises GraphError."""
    try:
        value = json.loads(body)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise GraphError(400, "UnableToDeserializePostBody", "were unable to deserialize ")
    return value


def header_of_json(message: dict[str, Any]) -> Header:
    """Raises GraphError for headers that Graph refuses."""
    _check_headers(message)
    properties_of(message)
    recipients = {
        field: [str(_address(entry).get("address", "")) for entry in message.get(field) or []]
        for field in ("toRecipients", "ccRecipients", "bccRecipients")
    }
    valid = {field: list(filter(is_address, named)) for field, named in recipients.items()}
    authors = [_address(message[field]) for field in ("from", "sender") if message.get(field)]
    return Header(
        authors=[("", str(author.get("address", ""))) for author in authors],
        to=valid["toRecipients"],
        cc=valid["ccRecipients"],
        bcc=valid["bccRecipients"],
        invalid=[text for named in recipients.values() for text in named if not is_address(text)],
        message_id=str(message.get("internetMessageId") or ""),
        subject=str(message.get("subject") or ""),
    )


def properties_of(message: dict[str, Any]) -> dict[str, str]:
    """The single-valued extended properties of a message. Raises GraphError."""
    found = {}
    for entry in message.get("singleValueExtendedProperties") or []:
        name, value = entry.get("id"), entry.get("value")
        if not isinstance(value, str) or not _PROPERTY.fullmatch(str(name)):
            raise invalid_parameter(f"The extended property '{name}' is not valid.")
        found[name] = value
    return found


def attachment_of_json(item: dict[str, Any]) -> Attachment:
    """A file that comes within a request. Raises GraphError."""
    if item.get("@odata.type") != "#microsoft.graph.fileAttachment" or not item.get("name"):
        raise invalid_parameter("Only file attachments with a name are simulated.")
    try:
        octets = base64.b64decode(item.get("contentBytes", ""), validate=True)
    except (binascii.Error, TypeError, ValueError) as error:
        raise invalid_parameter("contentBytes is no base64.") from error
    return attachment_of(item, len(octets), hashlib.sha256(octets).hexdigest())


def _address(entry: Any) -> dict[str, Any]:
    address = entry.get("emailAddress") if isinstance(entry, dict) else None
    if not isinstance(address, dict):
        raise GraphError(400, "UnableToDeserializePostBody", "were unable to deserialize ")
    return address


def _check_headers(message: dict[str, Any]) -> None:
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
