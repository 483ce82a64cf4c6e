"""Send through Microsoft Graph: the mail as MIME, in one request, or else as a draft.

https://learn.microsoft.com/graph/api/user-sendmail. Only 202 is success.
"""

import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from function_app.compose import FOR_GRAPH, Letter
from function_app.outcome import TOO_LARGE, Deferred, Found, Outcome, Rejected, Sent
from function_app.providers.graph.calls import CallFailed, Calls
from function_app.providers.graph.large import send_large
from function_app.providers.graph.look import look
from function_app.providers.graph.patience import Patience
from function_app.providers.graph.probe import probe
from handoff.findings import Finding
from handoff.ids import request_id_of

MIME_LIMIT = 3_000_000
"""Graph takes request bodies up to 4 MiB, and base64 makes four octets of three."""
LIMIT = 150 * 1024 * 1024
"""The most that an administrator of Exchange Online can allow."""
_SECONDS = 170
"""No call for a draft begins later: the host ends a run after five minutes, and one call may take
two."""


@dataclass(frozen=True)
class GraphProvider:
    """Sends with the tokens of one identity."""

    calls: Calls

    form = FOR_GRAPH

    def send(
        self, letter: Letter, note_draft: Callable[[str], None], draft_id: str = ""
    ) -> Outcome:
        if letter.size > MIME_LIMIT:
            patience = Patience(time.monotonic() + _SECONDS)
            return _refusal(letter) or send_large(
                self.calls, letter, note_draft, draft_id, patience
            )
        headers = {
            "Content-Type": "text/plain",
            "client-request-id": str(request_id_of(letter.id)),
        }
        path = f"/users/{quote(letter.mailbox, safe='')}/sendMail"
        try:
            answer = self.calls.call("POST", path, headers, body=b64encode(letter.mime()))
        except CallFailed as fault:
            return fault.outcome
        return Sent("graph", answer.request_id) if answer.status == 202 else answer.verdict

    def probe(self, mailbox: str, probe_id: str) -> Iterator[Finding]:
        return probe(self.calls, mailbox, probe_id)

    def look(self, letter: Letter, draft_id: str, since: datetime) -> Found | Deferred:
        return look(self.calls, letter, draft_id, since)


def _refusal(letter: Letter) -> Rejected | None:
    if letter.size > LIMIT:
        return Rejected(
            TOO_LARGE,
            f"The mail has {letter.size:,} octets; {LIMIT:,} can be sent. "
            "Let the device send smaller attachments, a lower resolution or several mails.",
        )
    if letter.signed:
        return Rejected(
            "signed-too-large",
            f"The mail is signed or encrypted and has {letter.size:,} octets. Above "
            f"{MIME_LIMIT:,} Microsoft Graph takes a mail in parts only, which would break the "
            "signature. Send smaller attachments or several mails, or do not sign it.",
        )
    return None
