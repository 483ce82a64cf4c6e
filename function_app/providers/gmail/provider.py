"""Send through Gmail: the mail as it is, in one request. Only 200 is success."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote

import requests

from function_app.compose import Form, Letter
from function_app.outcome import (
    TOO_LARGE,
    CannotLook,
    Deferred,
    Outcome,
    Rejected,
    Sent,
    parse_retry_after,
)
from function_app.providers.gmail.answers import classify, id_in
from function_app.providers.gmail.delegation import Delegation
from function_app.providers.token_faults import TokenUnavailable
from function_app.providers.transport import Bearer, on_transport, start_of
from handoff.findings import Finding

LIMIT = 36_700_160
"""What the discovery document of the API names as the largest message."""
_FOR_NOBODY = b"Subject: A check of the relay, for nobody\r\n\r\n"
_CANNOT_LOOK = CannotLook(
    "The relay's scope lets it send through Gmail and read nothing, so it cannot look for a mail."
)


@dataclass(frozen=True)
class GmailProvider:
    """Sends for the mailboxes that have delegated to one service account."""

    endpoint: str
    delegation: Delegation
    session: requests.Session = field(repr=False)
    now: Callable[[], datetime]

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
        try:
            return self._post(letter.mailbox, letter.size, letter.pieces)
        except TokenUnavailable as fault:
            return Deferred(fault.code, fault.reason, is_configuration=fault.is_configuration)
        except requests.RequestException as fault:
            return on_transport(fault, "Gmail")

    def look(self, letter: Letter, draft_id: str, since: datetime) -> CannotLook:
        return _CANNOT_LOOK

    def probe(self, mailbox: str, probe_id: str) -> Iterator[Finding]:
        """A mail that names no recipient tells whether Gmail would take one that does."""
        try:
            self.delegation.token(mailbox)
            outcome = self._post(mailbox, len(_FOR_NOBODY), lambda: iter([_FOR_NOBODY]))
        except TokenUnavailable as fault:
            yield Finding("G02", "token", "fail", fault.reason, fault.code)
            yield Finding("G03", "mailbox", "skip", "Needs G02.")
            return
        except requests.RequestException as fault:
            outcome = on_transport(fault, "Gmail")
        yield Finding("G02", "token", "ok", "Google gives a token to act for the mailbox.")
        is_for_nobody = isinstance(outcome, Rejected) and outcome.code == "invalidArgument"
        if isinstance(outcome, Sent) or is_for_nobody:
            yield Finding("G03", "mailbox", "ok", f"It may send from {mailbox}.")
        elif isinstance(outcome, Deferred | Rejected):
            yield Finding("G03", "mailbox", "fail", outcome.reason, outcome.code)

    def _post(self, mailbox: str, size: int, pieces: Callable[[], Iterator[bytes]]) -> Outcome:
        token = self.delegation.token(mailbox)
        with self._call(mailbox, token, _Body(pieces(), size)) as answer:
            if answer.status_code != 401:
                return self._meaning(answer)
        token = self.delegation.token(mailbox, refused=token)
        with self._call(mailbox, token, _Body(pieces(), size)) as answer:
            return self._meaning(answer)

    def _call(self, mailbox: str, token: str, body: "_Body") -> requests.Response:
        return self.session.post(
            f"{self.endpoint}/upload/gmail/v1/users/{quote(mailbox, safe='')}/messages/send",
            params={"uploadType": "media"},
            data=body,
            headers={"Content-Type": "message/rfc822"},
            auth=Bearer(token),
            allow_redirects=False,
            stream=True,
        )

    def _meaning(self, answer: requests.Response) -> Outcome:
        body = start_of(answer)
        if answer.status_code == 200:
            return Sent("gmail", id_in(body))
        retry_after = parse_retry_after(answer.headers.get("Retry-After"), self.now())
        return classify(answer.status_code, body, retry_after)


class _Body:
    """A mail as a file, of which one piece at a time is in memory."""

    def __init__(self, pieces: Iterator[bytes], size: int) -> None:
        self._pieces = pieces
        self._size = size
        self._held = b""
        self._at = 0

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[bytes]:
        while block := self.read(64 * 1024):
            yield block

    def read(self, size: int = -1) -> bytes:
        if self._at == len(self._held):
            self._held, self._at = next(self._pieces, b""), 0
        end = len(self._held) if size < 0 else min(self._at + size, len(self._held))
        block, self._at = self._held[self._at : end], end
        return block
