"""Was the mail sent? Look among what the mailbox has sent before a second copy goes out.

By its Message-ID (https://developers.google.com/workspace/gmail/api/guides/filtering), with a
scope of its own: whoever may only send may not look.
"""

import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import quote

import requests

from function_app.compose import Letter
from function_app.mime.addresses import read_addresses
from function_app.outcome import CannotLook, Deferred, Found, NotSent, WasSent
from function_app.providers.copies import CLOCKS_DIFFER, MOST_COPIES, went_to_the_same
from function_app.providers.gmail.answers import classify, read_error
from function_app.providers.gmail.calls import Answer, Calls
from function_app.providers.gmail.delegation import TO_LOOK
from function_app.providers.gmail.refusals import is_no_delegation
from function_app.providers.token_faults import TokenUnavailable
from function_app.providers.transport import on_transport

_SEARCHABLE = re.compile(r"<?[^\s<>\"(){}]+>?")
_NOT_SEARCHABLE = CannotLook("Gmail cannot be searched for a Message-ID such as this mail has.")
_FIELDS: dict[str, str | list[str]] = {"format": "metadata", "metadataHeaders": ["To", "Cc", "Bcc"]}
MAY_NOT = (
    "The relay may not look into the mailbox whether the mail was sent. Authorise the client id "
    f"of the service account for the scope {TO_LOOK}, too, to avoid second copies."
)


def look(calls: Calls, letter: Letter, since: datetime) -> Found | Deferred:
    """Whether `letter` was sent at or after `since`."""
    if not _SEARCHABLE.fullmatch(letter.message_id):
        return _NOT_SEARCHABLE
    try:
        return _found(calls, letter, since)
    except TokenUnavailable as fault:
        if is_no_delegation(fault):
            return CannotLook(MAY_NOT)
        return Deferred(fault.code, fault.reason, is_configuration=fault.is_configuration)
    except requests.RequestException as fault:
        return on_transport(fault, "Gmail")
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return Deferred("look-unreadable", "Gmail did not say what it has sent.")


def _found(calls: Calls, letter: Letter, since: datetime) -> Found | Deferred:
    after = int((since - CLOCKS_DIFFER).timestamp())
    query: dict[str, str | list[str]] = {
        "q": f"rfc822msgid:{letter.message_id} after:{after}",
        "labelIds": "SENT",
        "includeSpamTrash": "true",  # somebody may have tidied up
        "maxResults": str(MOST_COPIES),
    }
    answer = calls.get(letter.mailbox, "messages", query, TO_LOOK)
    if answer.status != 200:
        return _no_sight(answer)
    for copy in _ids(answer.body):
        answer = calls.get(letter.mailbox, f"messages/{quote(copy, safe='')}", _FIELDS, TO_LOOK)
        if answer.status == 404:
            continue  # removed by somebody
        if answer.status != 200:
            return _no_sight(answer)
        if _is_copy_of(letter, answer.body):
            return WasSent("gmail")
    return NotSent()


def _ids(body: bytes) -> Iterator[str]:
    """Of a list that may say by its absence that it is empty."""
    for message in _read(body).get("messages", []):
        yield str(message["id"])


def _is_copy_of(letter: Letter, body: bytes) -> bool:
    fields = _read(body).get("payload", {}).get("headers", [])
    try:
        return went_to_the_same(letter, _recipients(fields))
    except ValueError:
        return False


def _recipients(fields: list[dict[str, Any]]) -> Iterator[str]:
    for field in fields:
        if str(field["name"]).lower() in ("to", "cc", "bcc"):
            for mailbox in read_addresses(str(field["value"]).encode()).mailboxes:
                yield mailbox.address


def _read(body: bytes) -> dict[str, Any]:
    found = json.loads(body)
    return found if isinstance(found, dict) else {}


def _no_sight(answer: Answer) -> CannotLook | Deferred:
    reason, _ = read_error(answer.body)
    if answer.status == 403 and reason in ("insufficientPermissions", "forbidden"):
        return CannotLook(MAY_NOT)
    verdict = classify(answer.status, answer.body, answer.retry_after)
    return verdict if isinstance(verdict, Deferred) else CannotLook(MAY_NOT)
