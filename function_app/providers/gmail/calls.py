"""One call of the Gmail API for a mailbox, with a new token if the one before is refused."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import quote

import requests

from function_app.providers.gmail.delegation import Delegation
from function_app.providers.retry_after import parse_retry_after
from function_app.providers.transport import Bearer, start_of

_MOST_READ = 1024 * 1024
"""The fields of one mail may name hundreds of recipients."""
Pieces = Callable[[], Iterator[bytes]]


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    """Its start."""
    retry_after: timedelta | None


@dataclass(frozen=True)
class Calls:
    """Of the mailboxes that have delegated to one service account."""

    endpoint: str
    delegation: Delegation
    session: requests.Session = field(repr=False)
    now: Callable[[], datetime]

    def post_mail(self, mailbox: str, size: int, pieces: Pieces, scope: str) -> Answer:
        """Raises TokenUnavailable and requests.RequestException, as `get` does."""
        url = f"{self.endpoint}/upload{_path(mailbox)}/messages/send"
        return self._with_token(
            mailbox,
            scope,
            lambda token: self.session.post(
                url,
                params={"uploadType": "media"},
                data=_Body(pieces(), size),
                headers={"Content-Type": "message/rfc822"},
                auth=Bearer(token),
                allow_redirects=False,
                stream=True,
            ),
        )

    def get(
        self, mailbox: str, path: str, query: Mapping[str, str | list[str]], scope: str
    ) -> Answer:
        url = f"{self.endpoint}{_path(mailbox)}/{path}"
        return self._with_token(
            mailbox,
            scope,
            lambda token: self.session.get(
                url, params=query, auth=Bearer(token), allow_redirects=False, stream=True
            ),
        )

    def _with_token(
        self, mailbox: str, scope: str, ask: Callable[[str], requests.Response]
    ) -> Answer:
        token = self.delegation.token(mailbox, scope)
        with ask(token) as answer:
            if answer.status_code != 401:
                return self._read(answer)
        with ask(self.delegation.token(mailbox, scope, refused=token)) as answer:
            return self._read(answer)

    def _read(self, answer: requests.Response) -> Answer:
        retry_after = parse_retry_after(answer.headers.get("Retry-After"), self.now())
        return Answer(answer.status_code, start_of(answer, _MOST_READ), retry_after)


def _path(mailbox: str) -> str:
    return f"/gmail/v1/users/{quote(mailbox, safe='')}"


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
