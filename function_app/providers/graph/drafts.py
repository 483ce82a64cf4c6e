"""Drafts in one mailbox: made, filled, sent, removed.

Their ids are immutable: a draft that is sent keeps its id as the copy in Sent Items
(https://learn.microsoft.com/graph/outlook-immutable-id).
"""

from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import quote

from function_app.compose import Letter
from function_app.mime.contents import Contents, File
from function_app.outcome import Deferred
from function_app.providers.graph.answers import Answer
from function_app.providers.graph.calls import CallFailed, Calls
from function_app.providers.graph.message import MARK, draft_body, file_body, session_body
from function_app.providers.graph.patience import GaveUp, Patience
from handoff.ids import request_id_of

_MAY_NOT_DRAFT = Deferred(
    "may-not-draft",
    "A mail above 3,000,000 octets is sent as a draft, and the identity may not make one in this "
    "mailbox. Grant it Mail.ReadWrite besides Mail.Send (with RBAC for Applications: Application "
    "Mail.ReadWrite, or Application Mail Full Access for both). Changes take up to two hours to "
    "be seen.",
    is_configuration=True,
)
_REFUSED_HEADERS = frozenset(
    {"InvalidInternetMessageHeader", "InvalidInternetMessageHeaderCollection"}
)
_UNREADABLE = Deferred("draft-unreadable", "Microsoft Graph did not say which draft it made.")
_MOST_LEFT = 50
ITEM_NOT_FOUND = "ErrorItemNotFound"


@dataclass(frozen=True)
class Drafts:
    """Those that belong to one letter. What cannot be done raises GaveUp."""

    calls: Calls
    letter: Letter
    patience: Patience

    def create(self, contents: Contents) -> str:
        """The id of a new draft without its files."""
        answer = self._post("/messages", draft_body(self.letter, contents))
        if answer.code in _REFUSED_HEADERS:
            body = draft_body(self.letter, contents, with_headers=False)
            answer = self._post("/messages", body)
        if answer.status == 403:
            raise GaveUp(_MAY_NOT_DRAFT)
        draft_id = expected(answer, 201).told_id
        if not draft_id:
            raise GaveUp(_UNREADABLE)
        return draft_id

    def attach(self, draft_id: str, file: File) -> Answer:
        """The answer to a file that comes within the request."""
        return self._post(f"{_path(draft_id)}/attachments", file_body(file))

    def open_session(self, draft_id: str, file: File) -> Answer:
        """The answer to the wish for an upload session."""
        path = f"{_path(draft_id)}/attachments/createUploadSession"
        # A session that nobody uses goes by itself.
        return self._post(path, session_body(file), may_repeat=True)

    def send(self, draft_id: str) -> Answer:
        """The answer to one try. Raises CallFailed."""
        return self._call("POST", f"{_path(draft_id)}/send")

    def remove(self, draft_id: str) -> None:
        """As far as that goes: what stays is removed by the next attempt."""
        if not self.patience.is_over:
            with suppress(CallFailed):
                self._call("DELETE", _path(draft_id))

    def remove_left_behind(self) -> None:
        """Those that an earlier attempt left when it was killed."""
        query = {
            "$filter": "singleValueExtendedProperties/Any("
            f"ep: ep/id eq '{MARK}' and ep/value eq '{self.letter.id}')",
            "$select": "id",
            "$top": str(_MOST_LEFT),
        }
        try:
            answer = self._call("GET", "/mailFolders/drafts/messages", query=query)
        except CallFailed as failure:
            raise GaveUp(failure.outcome) from failure
        found = answer.told.get("value") if answer.status == 200 else ()
        for draft in found if isinstance(found, list) else ():
            if isinstance(draft, dict):
                self.remove(str(draft.get("id")))

    def _post(self, path: str, body: bytes, *, may_repeat: bool = False) -> Answer:
        return self.patience.call(lambda: self._call("POST", path, body), may_repeat=may_repeat)

    def _call(
        self, method: str, path: str, body: bytes = b"", query: dict[str, str] | None = None
    ) -> Answer:
        headers = {
            "client-request-id": str(request_id_of(self.letter.id)),
            "Prefer": 'IdType="ImmutableId"',
        }
        if body:
            headers["Content-Type"] = "application/json"
        mailbox = f"/users/{quote(self.letter.mailbox, safe='')}"
        return self.calls.call(method, mailbox + path, headers, body=body, query=query)


def expected(answer: Answer, status: int) -> Answer:
    """`answer`, if it is the one hoped for. Raises GaveUp."""
    if answer.status != status:
        raise GaveUp(answer.verdict)
    return answer


def _path(draft_id: str) -> str:
    return f"/messages/{quote(draft_id, safe='')}"
