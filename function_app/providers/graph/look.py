"""Was the mail sent? Look before a second copy goes out.

An answer that was lost says nothing. A draft with an immutable id is the copy in Sent Items once
it is sent (https://learn.microsoft.com/graph/outlook-immutable-id); any other mail is looked for
there by its Message-ID.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import quote

from function_app.compose import Letter
from function_app.outcome import CannotLook, Deferred, Found, NotSent, Rejected, WasSent
from function_app.providers.copies import CLOCKS_DIFFER, MOST_COPIES, went_to_the_same
from function_app.providers.graph.answers import Answer
from function_app.providers.graph.calls import CallFailed, Calls
from handoff.ids import request_id_of

_MAY_NOT = (
    "The relay may not look into the mailbox whether the mail was sent. "
    "Grant the identity Mail.ReadBasic (or Mail.ReadWrite) to avoid second copies."
)


def look(calls: Calls, letter: Letter, draft_id: str, since: datetime) -> Found | Deferred:
    """Whether `letter` was sent at or after `since`; `draft_id` is "" when it has no draft."""
    headers = {
        "client-request-id": str(request_id_of(letter.id)),
        "Prefer": 'IdType="ImmutableId"',
    }
    mailbox = f"/users/{quote(letter.mailbox, safe='')}"
    try:
        found = _draft(calls, f"{mailbox}/messages/{quote(draft_id, safe='')}", headers, draft_id)
        return found or _copy(calls, f"{mailbox}/mailFolders/sentitems", headers, letter, since)
    except CallFailed as fault:
        return fault.outcome


def _draft(
    calls: Calls, path: str, headers: dict[str, str], draft_id: str
) -> Found | Deferred | None:
    if not draft_id:
        return None
    answer = calls.call("GET", path, headers, query={"$select": "isDraft"})
    if answer.status == 404:
        return None  # sent and not kept, or removed by somebody: its copy may be elsewhere
    if answer.status != 200:
        return _no_sight(answer)
    return NotSent() if answer.told.get("isDraft") is True else WasSent("graph")


def _copy(
    calls: Calls, folder: str, headers: dict[str, str], letter: Letter, since: datetime
) -> Found | Deferred:
    query = {
        "$filter": "internetMessageId eq '{}'".format(letter.message_id.replace("'", "''")),
        "$select": "id,createdDateTime,toRecipients,ccRecipients,bccRecipients",
        "$top": str(MOST_COPIES),
    }
    answer = calls.call("GET", f"{folder}/messages", headers, query=query)
    if answer.status != 200:
        return _no_sight(answer)
    copies = answer.told.get("value")
    if not isinstance(copies, list):
        return Deferred("look-unreadable", "Microsoft Graph did not say what is in Sent Items.")
    is_there = any(is_copy_of(letter, since, copy) for copy in copies if isinstance(copy, dict))
    return WasSent("graph") if is_there else NotSent()


def is_copy_of(letter: Letter, since: datetime, copy: dict[str, Any]) -> bool:
    """Whether `copy`, a message as Graph shows it, came of an attempt at `letter`. Pure."""
    try:
        created = datetime.fromisoformat(str(copy.get("createdDateTime")))
        is_late_enough = created >= since - CLOCKS_DIFFER
        return is_late_enough and went_to_the_same(letter, _recipients(copy))
    except (ValueError, TypeError, KeyError):
        return False


def _recipients(copy: dict[str, Any]) -> Iterator[str]:
    for name in ("toRecipients", "ccRecipients", "bccRecipients"):
        for recipient in copy.get(name) or ():
            yield str(recipient["emailAddress"]["address"])


def _no_sight(answer: Answer) -> CannotLook | Deferred:
    verdict = answer.verdict
    if answer.status == 403 or isinstance(verdict, Rejected):
        return CannotLook(_MAY_NOT)
    return verdict
