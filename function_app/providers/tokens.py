"""Access tokens for Microsoft Graph, asked for by one thread at a time.

One long-lived MSAL client an identity, since the cache lives in it, and MSAL does not stop a
stampede. A client that was refused goes: the next one reads its secret anew. A fault is a
TokenUnavailable with a sentence for the administrator; the secret is in none of them.
"""

import time
from collections.abc import Callable
from datetime import timedelta
from threading import Lock
from typing import Any

import msal
import requests

from function_app.providers.token_faults import (
    TokenUnavailable,
    from_answer,
    from_exception,
    from_transport,
)

_MARGIN_SECONDS = 60
"""A token that ends so soon may end on its way."""

# MSAL reads an answer as what it should be: a gateway's page or a `null` end as any of these.
_MSAL_FAULTS = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    RuntimeError,
    msal.exceptions.MsalError,
)

Ask = Callable[[str | None], dict[str, Any]]
"""MSAL's answer, given a claims challenge or none."""
Tell = Callable[[timedelta], None]
"""Called when there is a new token, with how long it is good."""


def tell_nobody(good_for: timedelta) -> None:
    """Where nobody watches."""


class Tokens:
    """The tokens of one identity. Safe to share between threads."""

    def __init__(
        self,
        open_client: Callable[[], Ask],
        hold_refusal: timedelta = timedelta(0),
        tell: Tell = tell_nobody,
    ) -> None:
        """For `hold_refusal` nobody asks again after a refusal that somebody has to act on."""
        self._tell = tell
        self._open_client = open_client
        self._hold_seconds = hold_refusal.total_seconds()
        self._lock = Lock()
        self._ask: Ask | None = None
        self._last = ""
        self._good_until = 0.0
        self._fault: TokenUnavailable | None = None
        self._fault_at = 0.0

    def current(self) -> str:
        """A token, from the cache as long as it is good. Raises TokenUnavailable."""
        asked_at = time.monotonic()
        with self._lock:
            self._share_fault(asked_at)
            return self._fetch(None)

    def renewed(self, refused: str, claims: str | None) -> str:
        """Another token than `refused`, one that meets `claims`. Raises TokenUnavailable."""
        asked_at = time.monotonic()
        with self._lock:
            self._share_fault(asked_at)
            if self._last == refused:
                self._good_until = 0.0
                if claims is None:
                    self._ask = None  # and with it the cache that holds the refused token
                return self._fetch(claims)
            return self._fetch(None)

    def _share_fault(self, asked_at: float) -> None:
        # Who waited for the lock while a call failed need not wait for the same call to fail.
        held = self._hold_seconds if self._fault and self._fault.is_configuration else 0.0
        if self._fault is not None and self._fault_at + held > asked_at:
            raise self._fault.again()

    def _fetch(self, claims: str | None) -> str:
        try:
            self._last = self._token(claims)
        except TokenUnavailable as fault:
            # MSAL asks for a new token early, and has none to offer while Entra answers with 5xx.
            if time.monotonic() < self._good_until:
                return self._last
            self._fault, self._fault_at = fault, time.monotonic()
            if fault.is_configuration:
                self._ask = None  # its secret may be another by the next time
            raise
        return self._last

    def _token(self, claims: str | None) -> str:
        try:
            if self._ask is None:
                self._ask = self._open_client()
            answer = self._ask(claims)
        except requests.RequestException as fault:
            raise from_transport(fault) from fault
        except _MSAL_FAULTS as fault:
            raise from_exception(fault) from fault
        if "access_token" not in answer:
            raise from_answer(answer)
        seconds = int(answer.get("expires_in", 0))
        self._good_until = time.monotonic() + seconds - _MARGIN_SECONDS
        token = str(answer["access_token"])
        if token != self._last:
            self._tell(timedelta(seconds=seconds))
        return token
