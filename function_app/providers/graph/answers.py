"""An answer of Microsoft Graph, and what it says. Pure."""

import json
import re
from base64 import b64decode
from binascii import Error as Base64Error
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from function_app.outcome import Deferred, Rejected
from function_app.providers.graph.verdicts import classify


@dataclass(frozen=True)
class Answer:
    """What came back from one call."""

    status: int
    said: bytes
    """The start of the body: whole for anything that Graph says in small."""
    request_id: str
    retry_after: timedelta | None

    @property
    def verdict(self) -> Deferred | Rejected:
        """What it means for the mail, unless the status is the one hoped for."""
        code, message = read_error(self.said)
        outcome = classify(self.status, code, message, self.retry_after)
        return replace(outcome, request_id=self.request_id)

    @property
    def code(self) -> str:
        """Of an error; "" when there is none."""
        return read_error(self.said)[0]

    @property
    def told_id(self) -> str:
        """The id of the item that the body shows; "" when there is none.

        Graph shows a new draft with all its text, too long to be read whole. The id stands in
        front, and within a text no quotation mark stands without its backslash.
        """
        found = _ID.search(self.said)
        return found[1].decode("ascii") if found else ""

    @property
    def told(self) -> dict[str, Any]:
        """The body as a JSON object; empty for anything else."""
        try:
            told = json.loads(self.said)
        except (ValueError, RecursionError):
            return {}
        return told if isinstance(told, dict) else {}


_ID = re.compile(rb'"id"\s*:\s*"([A-Za-z0-9+/=_-]{1,1000})"')


def claims_challenge(www_authenticate: str) -> str | None:
    """The claims that a token must meet, as the JSON that MSAL takes; None when none are asked.

    https://learn.microsoft.com/entra/identity-platform/claims-challenge
    """
    found = re.search(r'\bclaims="([^"]+)"', www_authenticate)
    if not found:
        return None
    try:
        return b64decode(found[1] + "==", altchars=b"-_").decode() or None
    except (Base64Error, UnicodeDecodeError):
        return None


def read_error(body: bytes) -> tuple[str, str]:
    """Code and message of an error body; empty for HTML, half a JSON or nothing at all."""
    try:
        error = json.loads(body)["error"]
        code, message = error.get("code"), error.get("message")
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError):
        return "", ""
    return _text(code), _text(message)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
