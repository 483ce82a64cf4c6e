"""Send through Microsoft Graph: the mail as MIME, in one request.

https://learn.microsoft.com/graph/api/user-sendmail. Only 202 is success. A mail is posted once;
it goes out a second time only when Graph refused the token, and with it the request.
"""

import json
import re
import time
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from ssl import SSLCertVerificationError
from urllib.parse import quote
from uuid import UUID

import requests
from requests.auth import AuthBase
from urllib3.exceptions import (
    HTTPError,
    MaxRetryError,
    NewConnectionError,
    ProxyError,
    SSLError,
)

from function_app.compose import Letter
from function_app.outcome import (
    TOO_LARGE,
    Deferred,
    Outcome,
    Rejected,
    Sent,
    classify,
    parse_retry_after,
)
from function_app.providers.tokens import Tokens, TokenUnavailable

MIME_LIMIT = 3_000_000
"""Graph takes request bodies up to 4 MiB, and base64 makes four octets of three."""
_SECOND_TRY_WITHIN_SECONDS = 60
"""So that two tries end before the host's own time limit of a run."""
_ERROR_BODY_LIMIT = 64 * 1024


@dataclass(frozen=True)
class GraphProvider:
    """Sends with the tokens of one identity."""

    endpoint: str
    tokens: Tokens
    session: requests.Session
    now: Callable[[], datetime]

    def send(self, letter: Letter) -> Outcome:
        if len(letter.mime) > MIME_LIMIT:
            return _too_large(len(letter.mime))
        try:
            return self._send(letter)
        except TokenUnavailable as fault:
            return Deferred(fault.code, fault.reason)
        except requests.RequestException as fault:
            return _on_transport(fault)

    def _send(self, letter: Letter) -> Outcome:
        began = time.monotonic()
        token = self.tokens.current()
        with self._post(letter, token) as answer:
            in_time = time.monotonic() - began < _SECOND_TRY_WITHIN_SECONDS
            if answer.status_code != 401 or not in_time:
                return self._read(answer)
            claims = claims_challenge(answer.headers.get("WWW-Authenticate", ""))
        with self._post(letter, self.tokens.renewed(token, claims)) as answer:
            return self._read(answer)

    def _post(self, letter: Letter, token: str) -> requests.Response:
        return self.session.post(
            f"{self.endpoint}/v1.0/users/{quote(letter.mailbox, safe='')}/sendMail",
            # As a file it is written in small blocks, each of which may take the connect time-out;
            # as bytes the whole mail would have to be written in it.
            data=BytesIO(b64encode(letter.mime)),
            headers={
                "Content-Type": "text/plain",
                "client-request-id": str(request_id_of(letter.id)),
            },
            auth=_Bearer(token),
            allow_redirects=False,
            stream=True,
        )

    def _read(self, answer: requests.Response) -> Outcome:
        said = _start_of(answer)
        if answer.status_code == 202:
            return Sent("graph", answer.headers.get("request-id", ""))
        code, message = read_error(said)
        pause = parse_retry_after(answer.headers.get("Retry-After"), self.now())
        return classify(answer.status_code, code, message, pause)


@dataclass(frozen=True)
class _Bearer(AuthBase):
    # Without an AuthBase, requests puts credentials of a .netrc into Authorization.
    token: str

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self.token}"
        return request


_CROCKFORD_TO_PYTHON = str.maketrans("ABCDEFGHJKMNPQRSTVWXYZ", "abcdefghijklmnopqrstuv")


def request_id_of(mail_id: str) -> UUID:
    """The mail's id as the GUID that Graph wants in client-request-id: the same 128 bits."""
    return UUID(int=int(mail_id.translate(_CROCKFORD_TO_PYTHON), 32))


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


def _start_of(answer: requests.Response) -> bytes:
    # The verdict is in the status; a body that breaks off must not hide it.
    try:
        return bytes(answer.raw.read(_ERROR_BODY_LIMIT, decode_content=True))
    except (HTTPError, OSError):
        return b""


def _too_large(size: int) -> Rejected:
    return Rejected(
        TOO_LARGE,
        f"The mail has {size:,} octets; {MIME_LIMIT:,} can be sent. "
        "Let the device send smaller attachments, a lower resolution or several mails.",
    )


def _on_transport(fault: requests.RequestException) -> Deferred:
    if _was_never_connected(fault):
        return Deferred("no-connection", f"No connection to Microsoft Graph: {_cause(fault)}.")
    return Deferred(
        "no-answer",
        f"Microsoft Graph took the request and gave no answer: {_cause(fault)}.",
        unsure=True,
    )


def _was_never_connected(fault: requests.RequestException) -> bool:
    if isinstance(fault, requests.ConnectTimeout):
        return True
    wrapped = fault.args[0] if fault.args else None
    reason = wrapped.reason if isinstance(wrapped, MaxRetryError) else None
    if isinstance(reason, SSLError):
        return any(isinstance(cause, SSLCertVerificationError) for cause in reason.args)
    return isinstance(reason, (NewConnectionError, ProxyError))


def _cause(fault: requests.RequestException) -> str:
    wrapped = fault.args[0] if fault.args else fault
    return type(getattr(wrapped, "reason", None) or wrapped).__name__
