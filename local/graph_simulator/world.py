"""What the simulator knows: rules, applications, tokens, mails, requests, faults. No IO."""

import json
import time
from base64 import urlsafe_b64encode
from collections import Counter, deque
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from local.graph_simulator.items import Draft, Mail, Upload
from local.graph_simulator.rules import Application, Fault, Rules

ISSUER = "https://sts.windows.net/22222222-2222-2222-2222-222222222222/"
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
        """A new token, signed: others than Graph may trust it, too."""
        self._tokens_issued += 1
        expires_at = time.time() + self.rules.token_seconds
        claims = {
            "iss": ISSUER,
            "sub": app,
            "aud": audience,
            "appid": app,
            "exp": int(expires_at),
            "upn": user,
            "uti": self._tokens_issued,
        }
        parts: list[dict[str, Any]] = [{"typ": "JWT", "alg": "RS256", "kid": "simulated"}, claims]
        text = ".".join(map(base64url, parts))
        signature = self._key.sign(text.encode(), PKCS1v15(), hashes.SHA256())
        text = f"{text}.{_encoded(signature)}"
        self.tokens[text] = Token(audience.rstrip("/"), app, expires_at, self._tokens_issued, user)
        return text

    @property
    def public_keys(self) -> dict[str, Any]:
        """By which its tokens are known (RFC 7517)."""
        numbers = self._key.public_key().public_numbers()
        key = {
            "kty": "RSA",
            "use": "sig",
            "kid": "simulated",
            "n": _encoded(numbers.n.to_bytes(256)),
            "e": _encoded(numbers.e.to_bytes(3)),
        }
        return {"keys": [key]}

    @cached_property
    def _key(self) -> RSAPrivateKey:
        return generate_private_key(65537, 2048)

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
