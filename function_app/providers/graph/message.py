"""A letter as the JSON of which Graph makes a draft. Pure.

JSON has room for less than MIME: https://learn.microsoft.com/graph/api/resources/message. What it
cannot hold is lost, but for what tells who gets the mail: that is exactly the envelope.
"""

import json
import re
from base64 import b64encode
from typing import Any

from function_app.compose import Letter
from function_app.mime.addresses import Mailbox, normal, read_addresses
from function_app.mime.contents import Contents, File, contents_of
from function_app.mime.fields import Field, first
from function_app.mime.text import text_of, text_of_field

MARK = "String {6f2b1d0c-3c55-4b58-9d0e-2a7c8e41f9b3} Name SmtpRelayMail"
"""The extended property that holds the mail's id, so that a draft left behind is known again."""
_IN_REPLY_TO = "String 0x1042"  # PidTagInReplyToId
_REFERENCES = "String 0x1039"  # PidTagInternetReferences
_LONGEST_TEXT = 3_500_000
"""As JSON: a request has 4 MiB."""
_LONGEST_SUBJECT = 2_000
_LONGEST_NAME = 256
_LONGEST_THREAD = 8_000
_MOST_HEADERS = 5
_LONGEST_HEADER = 900
_ASK_FOR_RECEIPT = frozenset({"disposition-notification-to", "x-confirm-reading-to"})
_SAID_OTHERWISE = _ASK_FOR_RECEIPT | {"x-priority", "x-msmail-priority"}
_QUOTED = re.compile(rb'"((?:[^"\\]|\\.)*+)"')
_IMPORTANCE = {
    "high": "high", "urgent": "high", "1": "high", "2": "high",
    "low": "low", "non-urgent": "low", "4": "low", "5": "low",
}  # fmt: skip

Json = dict[str, Any]


def contents_for_graph(letter: Letter) -> Contents:
    """What the draft of `letter` shows."""
    return contents_of(
        list(letter.fields), letter.body, lambda text: len(_written(text)) <= _LONGEST_TEXT
    )


def draft_body(letter: Letter, contents: Contents, *, with_headers: bool = True) -> bytes:
    """The request that makes the draft, still without its files."""
    fields = list(letter.fields)
    message: Json = {
        "subject": _text(fields, "subject")[:_LONGEST_SUBJECT],
        "body": {
            "contentType": "html" if contents.text.is_html else "text",
            "content": contents.text.content,
        },
        "internetMessageId": letter.message_id,
        "singleValueExtendedProperties": _properties(letter),
        **_people(letter),
        **_wishes(fields),
    }
    if with_headers:
        message["internetMessageHeaders"] = _headers(fields)
    return _written({name: value for name, value in message.items() if value != []})


def file_body(file: File) -> bytes:
    """The request that attaches a small file."""
    told = {"@odata.type": "#microsoft.graph.fileAttachment", **_described(file)}
    # Put in as octets: written as JSON text it would be in memory several times over.
    content = b64encode(file.content.whole())
    return b"".join([_written(told)[:-1], b',"contentBytes":"', content, b'"}'])


def session_body(file: File) -> bytes:
    """The request that opens an upload session for a large file."""
    item = {"attachmentType": "file", "size": file.content.size, **_described(file)}
    return _written({"AttachmentItem": item})


def _described(file: File) -> Json:
    told: Json = {
        "name": file.name,
        "contentType": file.media_type,
        "isInline": file.is_inline,
    }
    return told | ({"contentId": file.content_id} if file.content_id else {})


def _people(letter: Letter) -> Json:
    fields = list(letter.fields)
    to, cc = _mailboxes(fields, "to"), _mailboxes(fields, "cc")
    named = {normal(mailbox.address) for mailbox in (*to, *cc)}
    unnamed = [path for path in letter.forward_paths if normal(path) not in named]
    people: Json = {
        "toRecipients": [_person(mailbox) for mailbox in to],
        "ccRecipients": [_person(mailbox) for mailbox in cc],
        "bccRecipients": [_person(Mailbox(b"", path)) for path in unnamed],
        "replyTo": [_person(mailbox) for mailbox in _mailboxes(fields, "reply-to")],
    }
    authors = {name: _mailboxes(fields, name)[:1] for name in ("from", "sender")}
    return people | {name: _person(found[0]) for name, found in authors.items() if found}


def _mailboxes(fields: list[Field], name: str) -> list[Mailbox]:
    return [
        mailbox
        for field in fields
        if field.name == name
        for mailbox in read_addresses(field.value).mailboxes
    ]


def _person(mailbox: Mailbox) -> Json:
    address = mailbox.address.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    spoken = _QUOTED.sub(lambda quoted: re.sub(rb"\\(.)", rb"\1", quoted[1]), mailbox.display_name)
    name = text_of_field(spoken)[:_LONGEST_NAME]
    return {"emailAddress": {"address": address} | ({"name": name} if name else {})}


def _wishes(fields: list[Field]) -> Json:
    """Importance, and the receipts; Exchange sends these to the sender, whoever asked."""
    told = (
        _text(fields, name).lower().split()
        for name in ("importance", "x-priority", "priority", "x-msmail-priority")
    )
    wishes = [_IMPORTANCE[words[0]] for words in told if words and words[0] in _IMPORTANCE]
    asked = {field.name for field in fields}
    found: Json = {
        "importance": wishes[0] if wishes else "",
        "isDeliveryReceiptRequested": "return-receipt-to" in asked,
        "isReadReceiptRequested": not asked.isdisjoint(_ASK_FOR_RECEIPT),
    }
    return {name: value for name, value in found.items() if value}


def _properties(letter: Letter) -> list[Json]:
    fields = list(letter.fields)
    values = {
        MARK: letter.id,
        _IN_REPLY_TO: _text(fields, "in-reply-to")[:_LONGEST_HEADER],
        _REFERENCES: _references(first(fields, "references")),
    }
    return [{"id": name, "value": value} for name, value in values.items() if value]


def _references(field: Field | None) -> str:
    value = field.value if field else b""
    latest = value[-_LONGEST_THREAD:].split()
    if len(value) > _LONGEST_THREAD:
        del latest[:1]  # cut
    return b" ".join(latest).decode("ascii", "replace")


def _headers(fields: list[Field]) -> list[Json]:
    """The first ones of its own that a mail may keep. Exchange drops what begins with X-MS-."""
    return [
        {"name": _spelling(field), "value": text_of(field.value, "")}
        for field in fields
        if field.name.startswith("x-")
        and not field.name.startswith(("x-ms-", "x-original-"))
        and field.name not in _SAID_OTHERWISE
        and 0 < len(field.value) <= _LONGEST_HEADER
    ][:_MOST_HEADERS]


def _spelling(field: Field) -> str:
    return field.raw[: len(field.name)].decode("ascii")


def _text(fields: list[Field], name: str) -> str:
    field = first(fields, name)
    return text_of_field(field.value) if field else ""


def _written(value: Json | str) -> bytes:
    # A charset may hold half a character that UTF-8 has no octets for.
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
