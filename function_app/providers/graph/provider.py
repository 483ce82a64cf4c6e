"""Send through Microsoft Graph: the mail as MIME, in one request.

https://learn.microsoft.com/graph/api/user-sendmail. Only 202 is success.
"""

from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from function_app.compose import Letter
from function_app.outcome import TOO_LARGE, Deferred, Found, Outcome, Rejected, Sent
from function_app.providers.graph.answers import request_id_of
from function_app.providers.graph.calls import CallFailed, Calls
from function_app.providers.graph.look import look

MIME_LIMIT = 3_000_000
"""Graph takes request bodies up to 4 MiB, and base64 makes four octets of three."""


@dataclass(frozen=True)
class GraphProvider:
    """Sends with the tokens of one identity."""

    calls: Calls

    def send(
        self, letter: Letter, note_draft: Callable[[str], None], draft_id: str = ""
    ) -> Outcome:
        if len(letter.mime) > MIME_LIMIT:
            return _too_large(len(letter.mime))
        headers = {
            "Content-Type": "text/plain",
            "client-request-id": str(request_id_of(letter.id)),
        }
        path = f"/users/{quote(letter.mailbox, safe='')}/sendMail"
        try:
            answer = self.calls.call("POST", path, headers, body=b64encode(letter.mime))
        except CallFailed as fault:
            return fault.outcome
        return Sent("graph", answer.request_id) if answer.status == 202 else answer.verdict

    def look(self, letter: Letter, draft_id: str, since: datetime) -> Found | Deferred:
        return look(self.calls, letter, draft_id, since)


def _too_large(size: int) -> Rejected:
    return Rejected(
        TOO_LARGE,
        f"The mail has {size:,} octets; {MIME_LIMIT:,} can be sent. "
        "Let the device send smaller attachments, a lower resolution or several mails.",
    )
