"""Send through Gmail: the mail as it is, in one request. Only 200 is success."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

import requests

from function_app.compose import Form, Letter
from function_app.outcome import TOO_LARGE, Deferred, Found, Outcome, Rejected, Sent
from function_app.providers.gmail.answers import classify, id_in
from function_app.providers.gmail.calls import Calls, Pieces
from function_app.providers.gmail.delegation import TO_LOOK, TO_SEND
from function_app.providers.gmail.look import MAY_NOT, look
from function_app.providers.gmail.refusals import is_no_delegation
from function_app.providers.token_faults import TokenUnavailable
from function_app.providers.transport import on_transport
from handoff.findings import Finding

LIMIT = 36_700_160
"""What the discovery document of the API names as the largest message."""
_FOR_NOBODY = b"Subject: A check of the relay, for nobody\r\n\r\n"


@dataclass(frozen=True)
class GmailProvider:
    """Sends for the mailboxes that have delegated to one service account."""

    calls: Calls

    form = Form()

    def send(
        self, letter: Letter, note_draft: Callable[[str], None], draft_id: str = ""
    ) -> Outcome:
        if letter.size > LIMIT:
            return Rejected(
                TOO_LARGE,
                f"The mail has {letter.size:,} octets; Gmail takes {LIMIT:,}. "
                "Let the device send smaller attachments, or several mails.",
            )
        return self._sent(letter.mailbox, letter.size, letter.pieces)

    def look(self, letter: Letter, draft_id: str, since: datetime) -> Found | Deferred:
        return look(self.calls, letter, since)

    def probe(self, mailbox: str, probe_id: str) -> Iterator[Finding]:
        """A mail that names no recipient tells whether Gmail would take one that does."""
        try:
            self.calls.delegation.token(mailbox)
        except TokenUnavailable as fault:
            yield Finding("G02", "token", "fail", fault.reason, fault.code)
            yield Finding("G03", "mailbox", "skip", "Needs G02.")
            return
        yield Finding("G02", "token", "ok", "Google gives a token to act for the mailbox.")
        yield self._may_send(mailbox)
        yield self._may_look(mailbox)

    def _may_send(self, mailbox: str) -> Finding:
        outcome = self._sent(mailbox, len(_FOR_NOBODY), lambda: iter([_FOR_NOBODY]))
        if isinstance(outcome, Rejected) and outcome.code == "invalidArgument":
            return Finding("G03", "mailbox", "ok", f"It may send from {mailbox}.")
        if isinstance(outcome, Sent):
            return Finding("G03", "mailbox", "warn", "Gmail took a mail without recipients.")
        return Finding("G03", "mailbox", "fail", outcome.reason, outcome.code)

    def _may_look(self, mailbox: str) -> Finding:
        try:
            self.calls.delegation.token(mailbox, TO_LOOK)
        except TokenUnavailable as fault:
            if is_no_delegation(fault):
                return Finding("G04", "doubt", "warn", MAY_NOT, fault.code)
            return Finding("G04", "doubt", "fail", fault.reason, fault.code)
        return Finding("G04", "doubt", "ok", "It may look for a mail that is in doubt.")

    def _sent(self, mailbox: str, size: int, pieces: Pieces) -> Outcome:
        try:
            return self._post(mailbox, size, pieces)
        except TokenUnavailable as fault:
            return Deferred(fault.code, fault.reason, is_configuration=fault.is_configuration)
        except requests.RequestException as fault:
            return on_transport(fault, "Gmail")

    def _post(self, mailbox: str, size: int, pieces: Pieces) -> Outcome:
        answer = self.calls.post_mail(mailbox, size, pieces, TO_SEND)
        if answer.status == 200:
            return Sent("gmail", id_in(answer.body))
        return classify(answer.status, answer.body, answer.retry_after)
