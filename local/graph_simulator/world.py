"""What the simulator knows: rules, mailboxes, applications, mails, requests, faults. No IO."""

import secrets
import time
from base64 import b64encode, urlsafe_b64encode
from collections import Counter, deque
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

KIB = 1024
MIB = 1024 * KIB


@dataclass
class Rules:
    """How strict it is, and where it bends. All can be set over the control address."""

    body_limit: int = 4 * MIB
    over_limit: Literal["413", "400", "200"] = "413"
    """How a body above the limit is answered; 200 is what was seen: nothing is sent."""
    bare_lf: Literal["refuse", "mangle", "keep"] = "refuse"
    in_flight: int = 4
    """Requests at once for one application and mailbox."""
    upload_bytes: int = 150 * MIB
    """For one application and mailbox in five minutes."""
    token_seconds: int = 3600
    delay: float = 0.0
    """Seconds that every call of Graph takes."""
    sent_delay: float = 0.0
    """Seconds until a sent draft is seen in Sent Items."""
    permissions: list[str] = field(
        default_factory=lambda: ["Mail.Send", "Mail.ReadWrite", "Mail.Read"]
    )
    domains: list[str] = field(default_factory=list)
    """Every address in them is a mailbox, but for aliases and missing ones."""
    aliases: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    send_as: dict[str, list[str]] = field(default_factory=dict)
    """Which other addresses a mailbox may have in From."""


@dataclass
class Application:
    tenant: str
    client_id: str
    secret: str


@dataclass
class Fault:
    """One or more answers that go wrong."""

    route: str = ""
    """sendMail, messages, attachments, upload, send, token, identity; "" is any of Graph's."""
    mailbox: str = ""
    times: int = 1
    status: int = 0
    """0 leaves the status to the normal course."""
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    """An object is sent as JSON, a text as HTML."""
    delay: float = 0.0
    take: bool = False
    """Do what was asked all the same."""
    reset: bool = False
    """Drop the connection instead of an answer."""
    hang: bool = False


@dataclass
class Mail:
    """A mail that was taken, as it lies in Sent Items."""

    mailbox: str
    recipients: list[str]
    mime: bytes
    """Exactly as it came; b"" when it was made from JSON."""
    delivered: bytes
    """What each recipient gets: without Bcc."""
    message_id: str
    subject: str = ""
    app: str = ""
    request_id: str = ""
    client_request_id: str = ""
    at: str = field(default_factory=lambda: datetime.now(UTC).isoformat())
    visible_from: float = 0.0
    item_id: str = field(default_factory=lambda: new_item_id())
    attachments: list[dict[str, Any]] = field(default_factory=list)
    draft: dict[str, Any] | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {
            "mime": b64encode(self.mime).decode("ascii"),
            "delivered": b64encode(self.delivered).decode("ascii"),
        }


@dataclass
class Request:
    method: str
    path: str
    status: int
    client_request_id: str
    connection: int
    """The client's port: requests with the same one share a connection."""
    app: str
    at: str


@dataclass(frozen=True)
class Token:
    audience: str
    app: str
    expires_at: float


class World:
    """The state of one simulator."""

    def __init__(self, domains: list[str]) -> None:
        self._domains = domains
        # Not reset: what is under way ends, and gives its slot back, on its own.
        self.in_flight: Counter[tuple[str, str]] = Counter()
        self.reset()

    def reset(self) -> None:
        self.rules = Rules(domains=list(self._domains))
        self.applications: list[Application] = []
        self.faults: list[Fault] = []
        self.mails: list[Mail] = []
        self.requests: deque[Request] = deque(maxlen=100_000)
        self.drafts: dict[str, dict[str, Any]] = {}
        self.uploads: dict[str, dict[str, Any]] = {}
        self.tokens: dict[str, Token] = {}
        self.most_in_flight: Counter[str] = Counter()
        self._uploaded: dict[tuple[str, str], list[tuple[float, int]]] = {}

    def issue(self, audience: str, app: str) -> str:
        body = urlsafe_b64encode(secrets.token_bytes(48)).decode("ascii")
        token = f"eyJ0eXAiOiJKV1QifQ.{body}.{secrets.token_urlsafe(32)}"
        expires_at = time.time() + self.rules.token_seconds
        self.tokens[token] = Token(audience.rstrip("/"), app, expires_at)
        return token

    def has_mailbox(self, address: str) -> bool:
        address = address.casefold()
        rules = self.rules
        hidden = {name.casefold() for name in (*rules.aliases, *rules.missing)}
        return address.rpartition("@")[2] in rules.domains and address not in hidden

    def next_fault(self, route: str, mailbox: str) -> Fault | None:
        for fault in self.faults:
            if (
                fault.times > 0
                and fault.route in ("", route)
                and (not fault.mailbox or fault.mailbox.casefold() == mailbox.casefold())
            ):
                fault.times -= 1
                return fault
        return None

    def count_upload(self, app: str, mailbox: str, size: int) -> bool:
        """False when these octets are too many within five minutes."""
        now = time.monotonic()
        recent = [
            (at, octets) for at, octets in self._uploaded.get((app, mailbox), []) if now - at < 300
        ]
        recent.append((now, size))
        self._uploaded[app, mailbox] = recent
        return sum(octets for _, octets in recent) <= self.rules.upload_bytes


def new_item_id() -> str:
    return "AAkALg" + secrets.token_urlsafe(48)
