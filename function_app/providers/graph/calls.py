"""One call of Microsoft Graph: with a token, in bounded time, made once.

A call is made a second time only when Graph refused its token, and with it the request.
"""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from io import BytesIO

import requests

from function_app.outcome import Deferred
from function_app.providers.graph.answers import Answer, claims_challenge
from function_app.providers.retry_after import parse_retry_after
from function_app.providers.token_faults import TokenUnavailable
from function_app.providers.tokens import Tokens
from function_app.providers.transport import Bearer, on_transport, start_of

_SECOND_TRY_WITHIN_SECONDS = 60
"""So that two tries end before the host's own time limit of a run."""

# Some addresses are keys, and these two write addresses, up to the level WARNING.
for _name in ("urllib3.connection", "urllib3.connectionpool"):
    logging.getLogger(_name).setLevel(logging.ERROR)


class CallFailed(Exception):
    """There is no answer. `outcome` is what that means for the mail."""

    def __init__(self, outcome: Deferred) -> None:
        super().__init__(outcome.code)
        self.outcome = outcome


@dataclass(frozen=True)
class Calls:
    """Calls with the tokens of one identity. Safe to share between threads."""

    endpoint: str
    tokens: Tokens
    session: requests.Session = field(repr=False)
    now: Callable[[], datetime]

    def call(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        *,
        body: bytes = b"",
        query: Mapping[str, str] | None = None,
    ) -> Answer:
        """The answer to `method` on `path` below the version. Raises CallFailed."""
        request = _Request(method, f"{self.endpoint}/v1.0{path}", headers, body, query)
        try:
            return self._call(request)
        except TokenUnavailable as fault:
            outcome = Deferred(fault.code, fault.reason, is_configuration=fault.is_configuration)
            raise CallFailed(outcome) from fault
        except requests.RequestException as fault:
            raise CallFailed(on_transport(fault, "Microsoft Graph")) from fault

    def put_without_token(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """The answer of an address that is its own credential. Raises CallFailed.

        Whoever has the address may write there: no exception and no reason holds it.
        """
        try:
            with self._make(_Request("PUT", url, headers, body, None), _no_token) as answer:
                return self._read(answer)
        except requests.RequestException as fault:
            outcome = on_transport(fault, "Microsoft Graph")
        raise CallFailed(outcome)  # here, where the fault that names the address is forgotten

    def _call(self, request: "_Request") -> Answer:
        began = time.monotonic()
        token = self.tokens.current()
        with self._make(request, Bearer(token)) as answer:
            in_time = time.monotonic() - began < _SECOND_TRY_WITHIN_SECONDS
            if answer.status_code != 401 or not in_time:
                return self._read(answer)
            claims = claims_challenge(answer.headers.get("WWW-Authenticate", ""))
        with self._make(request, Bearer(self.tokens.renewed(token, claims))) as answer:
            return self._read(answer)

    def _make(self, request: "_Request", auth: "_Auth") -> requests.Response:
        return self.session.request(
            request.method,
            request.url,
            params=request.query,
            # As a file it is written in small blocks, each of which may take the connect time-out;
            # as bytes the whole mail would have to be written in it.
            data=BytesIO(request.body) if request.body else b"",
            headers=request.headers,
            auth=auth,
            allow_redirects=False,
            stream=True,
        )

    def _read(self, answer: requests.Response) -> Answer:
        return Answer(
            status=answer.status_code,
            said=start_of(answer),
            request_id=answer.headers.get("request-id", ""),
            retry_after=parse_retry_after(answer.headers.get("Retry-After"), self.now()),
        )


@dataclass(frozen=True)
class _Request:
    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str]
    body: bytes
    query: Mapping[str, str] | None


# Without one, requests puts credentials of a .netrc into Authorization.
_Auth = Callable[[requests.PreparedRequest], requests.PreparedRequest]


def _no_token(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
