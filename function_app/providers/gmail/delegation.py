"""Tokens to act for the mailboxes of a domain, by google-auth.

One credential a mailbox and scope, since each token is for one; one thread at a time asks for it.
"""

from collections import OrderedDict
from functools import partial
from threading import Lock

import requests
from google.auth.exceptions import GoogleAuthError, RefreshError, TransportError
from google.auth.transport.requests import Request
from google.oauth2.service_account import Credentials

from function_app.providers.token_faults import TokenUnavailable
from function_app.ways.gmail import Gmail

TO_SEND = "https://www.googleapis.com/auth/gmail.send"
TO_LOOK = "https://www.googleapis.com/auth/gmail.readonly"
_SECONDS = 15
_MOST_KEPT = 1000

_NO_DELEGATION = (
    "The service account may not act for the mailbox. In the Admin console, under domain-wide "
    f"delegation, authorise its client id for the scope {TO_SEND}."
)
_ADVICE = {
    "unauthorized_client": _NO_DELEGATION,
    "access_denied": _NO_DELEGATION,
    "invalid_grant": (
        "Google does not take the signature or the mailbox. Check that the key still exists, that "
        "send_as is the primary address of a user, and the clock."
    ),
    "invalid_scope": _NO_DELEGATION,
}
_NO_DELEGATION_CODES = frozenset(
    f"token-{kind}" for kind, advice in _ADVICE.items() if advice == _NO_DELEGATION
)


def is_no_delegation(fault: TokenUnavailable) -> bool:
    """Whether there is no token because the scope has not been delegated."""
    return fault.code in _NO_DELEGATION_CODES


class Delegation:
    """The tokens of one service account. Safe to share between threads."""

    def __init__(self, gmail: Gmail, session: requests.Session) -> None:
        self._gmail = gmail
        self._request = Request(session)
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

    def _opened(self, mailbox: str, scope: str) -> Credentials:
        try:
            # google-auth has no types.
            return Credentials.from_service_account_info(  # type: ignore[no-any-return, no-untyped-call]
                self._gmail.service_account, scopes=[scope], subject=mailbox
            )
        except (ValueError, GoogleAuthError) as fault:
            # Its text may quote the key.
            raise TokenUnavailable(
                "token-key",
                f"The key of the service account cannot be read ({type(fault).__name__}). Set "
                "SERVICE_ACCOUNT to the JSON as Google hands it out.",
                is_configuration=True,
            ) from None


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
        raise _unavailable(fault) from fault


def _unavailable(fault: GoogleAuthError) -> TokenUnavailable:
    answer = fault.args[1] if isinstance(fault, RefreshError) and len(fault.args) > 1 else {}
    kind = str(answer.get("error", "")) if isinstance(answer, dict) else ""
    if not kind:
        return TokenUnavailable(
            "token-answer", "Google's token endpoint gave an answer that is no token."
        )
    said = " ".join(str(answer.get("error_description", "")).split())[:300]
    advice = _ADVICE.get(kind, "Google refuses a token.")
    return TokenUnavailable(
        f"token-{kind}", f'{advice} (It said: "{said}")', is_configuration=kind in _ADVICE
    )
