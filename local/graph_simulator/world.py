"""What the simulator knows: rules, applications, tokens, mails, requests, faults. No IO."""

import json
import secrets
import time
from base64 import urlsafe_b64encode
from collections import Counter, deque
from dataclasses import dataclass
from typing import Any

from local.graph_simulator.items import Draft, Mail, Upload
from local.graph_simulator.rules import Application, Fault, Rules

_WINDOW_SECONDS = 300


@dataclass
class Request:
    """A call as it came in."""

    method: str
    path: str
    status: int
    """0: no answer went out, or none yet."""
    client_request_id: str
    connection: int
    """The client's port: requests with the same one share a connection."""
    app: str
    at: str


@dataclass(frozen=True)
class Token:
    """An access token that was given out."""

    audience: str
    app: str
    expires_at: float
    number: int
    user: str = ""
    """Who signed in; empty when the application acts for itself."""


class World:
    """The state of one simulator."""

    def __init__(self, domains: list[str]) -> None:
        self._domains = domains
        self._tokens_issued = 0
        # Not reset: what is under way ends, and gives its slot back, on its own.
        self.in_flight: Counter[tuple[str, str]] = Counter()
        self.reset()

    def reset(self) -> None:
        self.rules = Rules(domains=list(self._domains))
        self.applications: dict[tuple[str, str], Application] = {}
        self.faults: list[Fault] = []
        self.mails: list[Mail] = []
        self.requests: deque[Request] = deque(maxlen=100_000)
        self.drafts: dict[str, Draft] = {}
        self.uploads: dict[str, Upload] = {}
        self.tokens: dict[str, Token] = {}
        self.refreshers: dict[str, str] = {}
        self.most_in_flight: Counter[str] = Counter()
        self._revoked: dict[str, int] = {}
        self._uploaded: dict[tuple[str, str], deque[tuple[float, int]]] = {}

    def know(self, application: Application) -> None:
        self.applications[application.tenant, application.client_id] = application

    def issue(self, audience: str, app: str, user: str = "") -> str:
        """A new token. Tokens of Graph are opaque to clients; this one looks like a JWT, too."""
        self._tokens_issued += 1
        expires_at = time.time() + self.rules.token_seconds
        claims = {"aud": audience, "appid": app, "exp": int(expires_at), "upn": user}
        parts: list[dict[str, Any]] = [{"typ": "JWT", "alg": "RS256"}, claims]
        text = ".".join(map(base64url, parts))
        text = f"{text}.{_encoded(secrets.token_bytes(48))}"
        self.tokens[text] = Token(audience.rstrip("/"), app, expires_at, self._tokens_issued, user)
        return text

    def revoke(self, app: str) -> None:
        """Have an application's tokens of until now answered by a claims challenge."""
        self._revoked[app] = self._tokens_issued

    def is_revoked(self, token: Token) -> bool:
        return token.number <= self._revoked.get(token.app, 0)

    def permissions_of(self, app: str) -> set[str]:
        return set(self.rules.permissions_of.get(app, self.rules.permissions))

    def next_fault(self, route: str, mailbox: str) -> Fault | None:
        for fault in self.faults:
            if not fault.matches(route, mailbox):
                continue
            if fault.after > 0:
                fault.after -= 1
                continue
            fault.times -= 1
            return fault
        return None

    def count_upload(self, app: str, mailbox: str, size: int) -> bool:
        """False when these octets are too many within five minutes. They count all the same."""
        now = time.monotonic()
        recent = self._uploaded.setdefault((app, mailbox.casefold()), deque())
        while recent and now - recent[0][0] >= _WINDOW_SECONDS:
            recent.popleft()
        recent.append((now, size))
        return sum(octets for _, octets in recent) <= self.rules.upload_bytes


def base64url(part: dict[str, Any]) -> str:
    """One part of a JWT."""
    return _encoded(json.dumps(part).encode())


def _encoded(octets: bytes) -> str:
    return urlsafe_b64encode(octets).decode("ascii").rstrip("=")
