"""What the simulator knows: its service account, rules, tokens, mails, faults. No IO."""

import time
from collections.abc import Mapping
from dataclasses import asdict, field, replace
from typing import Any, Literal

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

_STRICT = ConfigDict(extra="forbid")
SEND_SCOPES = frozenset(
    f"https://{scope}"
    for scope in (
        "www.googleapis.com/auth/gmail.send",
        "www.googleapis.com/auth/gmail.compose",
        "www.googleapis.com/auth/gmail.modify",
        "mail.google.com/",
    )
)
LOOK_SCOPES = frozenset(
    f"https://{scope}"
    for scope in (
        "www.googleapis.com/auth/gmail.readonly",
        "www.googleapis.com/auth/gmail.modify",
        "mail.google.com/",
    )
)
CLIENT_EMAIL = "relay@project.iam.gserviceaccount.com"
_AUDIENCE = "https://oauth2.googleapis.com/token"
"""Google's libraries name it, wherever they send the assertion to."""
_LONGEST_ASSERTION_SECONDS = 3600


@dataclass(config=_STRICT)
class Pool:
    """A workload identity pool with one provider, and who of it may do what."""

    provider: str = "projects/1/locations/global/workloadIdentityPools/azure/providers/entra"
    issuer: str = ""
    audiences: list[str] = field(default_factory=list)
    keys: list[dict[str, str]] = field(default_factory=list)
    """Of the issuer (RFC 7517)."""
    subjects: list[str] = field(default_factory=list)
    """Whom its attribute condition admits."""
    signers: list[str] = field(default_factory=list)
    """Who of them has the role Service Account Token Creator on the service account."""


@dataclass(config=_STRICT)
class Rules:
    """How it behaves. A name that is not known is refused."""

    domains: list[str] = field(default_factory=lambda: ["contoso.com"])
    """Every address in them is a mailbox, but for those that follow."""
    missing: list[str] = field(default_factory=list)
    aliases: dict[str, list[str]] = field(default_factory=dict)
    """Which other addresses a mailbox may have in From; any other becomes its own."""
    delegated: list[str] = field(
        default_factory=lambda: ["https://www.googleapis.com/auth/gmail.send"]
    )
    """The scopes under domain-wide delegation."""
    pool: Pool = field(default_factory=Pool)
    message_limit: int = 36_700_160
    token_seconds: int = 3600
    api_is_on: bool = True


@dataclass(config=_STRICT)
class Fault:
    """One or more answers that go wrong. The first of the list that matches strikes."""

    route: Literal["", "token", "send", "list", "get", "exchange", "sign"] = ""
    times: int = 1
    status: int = 500
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    """An object is sent as JSON, a text as HTML."""
    take: bool = False
    """Do what was asked all the same."""
    reset: bool = False
    """Drop the connection instead of an answer."""


@dataclass
class Token:
    user: str
    scopes: list[str]
    expires_at: float


class TokenRefused(Exception):
    """With an error of OAuth 2.0 and its description."""


class World:
    """The state of one simulator."""

    def __init__(self) -> None:
        self._key = RSAKey.generate_key(2048, {"kid": "simulated"})
        self.reset()

    def reset(self) -> None:
        self.rules = Rules()
        self.faults: list[Fault] = []
        self.mails: list[dict[str, Any]] = []
        self.tokens: dict[str, Token] = {}
        self.tokens_given = 0
        self.connections: set[int] = set()

    def change(self, changes: dict[str, Any]) -> None:
        self.rules = Rules(**asdict(self.rules) | changes)

    def service_account(self, token_uri: str) -> dict[str, str]:
        """The key as Google hands it out."""
        return {
            "type": "service_account",
            "project_id": "project",
            "private_key_id": "simulated",
            "private_key": self._key.as_pem(private=True).decode("ascii"),
            "client_email": CLIENT_EMAIL,
            "client_id": "100000000000000000001",
            "token_uri": token_uri,
        }

    def issue(self, assertion: str, token_uri: str) -> str:
        """A token for what `assertion` claims. Raises TokenRefused."""
        claims = self._claims(assertion)
        now = time.time()
        if claims.get("iss") != CLIENT_EMAIL or claims.get("aud") not in (token_uri, _AUDIENCE):
            raise TokenRefused("invalid_grant", "Invalid JWT: wrong iss or aud.")
        issued, expires = claims.get("iat", 0), claims.get("exp", 0)
        if not issued - 300 <= now < expires <= issued + _LONGEST_ASSERTION_SECONDS:
            raise TokenRefused("invalid_grant", "Invalid JWT: not in its time.")
        user, scopes = str(claims.get("sub", "")), str(claims.get("scope", "")).split()
        if not scopes:
            raise TokenRefused("invalid_scope", "Empty or missing scope not allowed.")
        if not set(scopes) <= set(self.rules.delegated):
            raise TokenRefused(
                "unauthorized_client",
                "Client is unauthorized to retrieve access tokens using this method, or client not"
                " authorized for any of the scopes requested.",
            )
        if not self.is_mailbox(user):
            raise TokenRefused("invalid_grant", "Invalid email or User ID")
        return self.give(Token(user, scopes, 0))

    def give(self, token: Token) -> str:
        """The text of a new token, which is good from now on."""
        self.tokens_given += 1
        text = f"ya29.simulated-{self.tokens_given}"
        self.tokens[text] = replace(token, expires_at=time.time() + self.rules.token_seconds)
        return text

    def signed(self, claims: dict[str, Any]) -> str:
        """By the key of the service account that Google keeps itself."""
        return jwt.encode({"alg": "RS256", "kid": "simulated"}, claims, self._key)

    def token_of(self, headers: Mapping[str, str]) -> Token | None:
        """What a request is authorised by, while it is good."""
        token = self.tokens.get(headers.get("Authorization", "").removeprefix("Bearer "))
        return token if token is not None and token.expires_at > time.time() else None

    def _claims(self, assertion: str) -> dict[str, Any]:
        try:
            return dict(jwt.decode(assertion, self._key, algorithms=["RS256"]).claims)
        except (JoseError, ValueError) as fault:
            raise TokenRefused("invalid_grant", "Invalid JWT Signature.") from fault

    def is_mailbox(self, address: str) -> bool:
        domain = address.rpartition("@")[2].lower()
        return domain in self.rules.domains and address.lower() not in self.rules.missing

    def next_fault(self, route: str) -> Fault | None:
        for fault in self.faults:
            if fault.times > 0 and fault.route in ("", route):
                fault.times -= 1
                return fault
        return None
