"""Tokens to act for the mailboxes of a domain, by google-auth.

One credential a mailbox and scope, since each token is for one; one thread at a time asks for it.
"""

import re
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from threading import Lock
from typing import Any

import requests
from google.auth.credentials import Credentials
from google.auth.exceptions import GoogleAuthError, TransportError
from google.auth.transport.requests import Request

from function_app.providers.gmail.refusals import no_token, refusal_of
from function_app.providers.token_faults import TokenUnavailable

TO_SEND = "https://www.googleapis.com/auth/gmail.send"
TO_LOOK = "https://www.googleapis.com/auth/gmail.readonly"
Opened = Callable[[str, str], Credentials]
"""The credentials of a mailbox for a scope. Raises TokenUnavailable."""
_OF_GOOGLE = re.compile(r"https://[a-z0-9]+\.googleapis\.com(?=/)")
_SECONDS = 15
_MOST_KEPT = 1000
# google-auth reads an answer as what it should be: a gateway's page ends as any of these.
_MISREAD = (ValueError, LookupError, TypeError, AttributeError)


class Delegation:
    """The tokens of one service account. Safe to share between threads."""

    def __init__(self, opened: Opened, session: requests.Session, endpoint: str = "") -> None:
        """`endpoint` is where the APIs of Google are, if not where google-auth knows them."""
        self._opened = opened
        self._request = _RequestTo(endpoint, session) if endpoint else Request(session)
        self._lock = Lock()
        self._kept: OrderedDict[tuple[str, str], tuple[Lock, Credentials]] = OrderedDict()

    def token(self, mailbox: str, scope: str = TO_SEND, *, refused: str = "") -> str:
        """A token for `mailbox`, another than `refused`. Raises TokenUnavailable."""
        lock, credentials = self._credentials(mailbox, scope)
        with lock:
            if not credentials.valid or credentials.token == refused:
                _refresh(credentials, self._request)
            return str(credentials.token)

    def _credentials(self, mailbox: str, scope: str) -> tuple[Lock, Credentials]:
        key = (mailbox.casefold(), scope)
        with self._lock:
            if key not in self._kept:
                self._kept[key] = (Lock(), self._opened(mailbox, scope))
            self._kept.move_to_end(key)
            while len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)
            return self._kept[key]


class _RequestTo(Request):
    def __init__(self, endpoint: str, session: requests.Session) -> None:
        super().__init__(session)
        self._endpoint = endpoint

    def __call__(self, url: str, *args: Any, **kwargs: Any) -> Any:
        there = _OF_GOOGLE.sub(self._endpoint, url)
        # google-auth has no types.
        return super().__call__(there, *args, **kwargs)  # type: ignore[no-untyped-call]


def _refresh(credentials: Credentials, request: Request) -> None:
    try:
        # google-auth has no types.
        credentials.refresh(partial(request, timeout=_SECONDS))  # type: ignore[no-untyped-call]
    except TransportError as fault:
        cause = type(fault.__cause__ or fault).__name__
        raise TokenUnavailable(
            "token-transport", f"Google's token endpoint does not answer ({cause})."
        ) from fault
    except GoogleAuthError as fault:
        raise refusal_of(fault) from fault
    except _MISREAD as fault:
        raise no_token() from fault
