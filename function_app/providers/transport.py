"""A call over HTTP: by whose right it is made, and what it means when it has no answer."""

from dataclasses import dataclass, field
from ssl import SSLCertVerificationError

import requests
from requests.auth import AuthBase
from urllib3.exceptions import (
    HTTPError,
    MaxRetryError,
    NewConnectionError,
    ProxyError,
    SSLError,
)

from function_app.outcome import Deferred

_READ_OF_BODY = 64 * 1024
NO_CONNECTION = "no-connection"


def start_of(answer: requests.Response, most: int = _READ_OF_BODY) -> bytes:
    """The start of its body: whole for anything that a provider says in small."""
    # The verdict is in the status; a body that breaks off must not hide it.
    try:
        return bytes(answer.raw.read(most, decode_content=True))
    except (HTTPError, OSError):
        return b""


def on_transport(fault: requests.RequestException, provider: str) -> Deferred:
    """What it means for a mail that a call of `provider` has failed."""
    if _was_never_connected(fault):
        return Deferred(NO_CONNECTION, f"No connection to {provider}: {_cause(fault)}.")
    return Deferred(
        "no-answer",
        f"{provider} took the request and gave no answer: {_cause(fault)}.",
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


@dataclass(frozen=True)
class Bearer(AuthBase):
    token: str = field(repr=False)

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self.token}"
        return request
