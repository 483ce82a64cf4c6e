"""How the simulator behaves, as plain data: rules, known applications, faults.

All of it can be set over the control address. A name or a value that is not known is refused: a
fault that never strikes would let a test pass for nothing.
"""

from dataclasses import field
from datetime import datetime
from typing import Any, Literal

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB
_STRICT = ConfigDict(extra="forbid")

Permission = Literal[
    "Mail.Send", "Mail.ReadWrite", "Mail.Read", "Mail.ReadBasic", "Application.Read.All"
]
Route = Literal[
    "",
    "sendMail",
    "messages",
    "message",
    "delete",
    "send",
    "attachments",
    "session",
    "upload",
    "lookup",
    "application",
    "token",
    "identity",
]


@dataclass(config=_STRICT)
class Rules:
    """How strict it is, and where it bends."""

    body_limit: int = 4 * MIB
    over_limit: Literal["413", "400", "200"] = "413"
    """How a body above the limit is answered; 200 is what was seen: nothing is sent."""
    message_limit: int = 35 * MIB
    """Octets of a mail with its attachments, as an administrator sets it."""
    smallest_upload: int = 3_000_000
    """Below it a file is posted, from it on it goes up in ranges. "3 MB" is all that is told."""
    bare_lf: Literal["refuse", "mangle", "keep"] = "refuse"
    in_flight: int = 4
    """Requests at once for one application and mailbox."""
    upload_bytes: int = 150 * MIB
    """For one application and mailbox in five minutes."""
    token_seconds: int = 3600
    refresh_seconds: int = 0
    """When Entra asks for a new token although the old one is good; 0: it does not say."""
    upload_seconds: int = 24 * 3600
    """How long an upload session lives."""
    delay: float = 0.0
    """Seconds that every call of Graph takes."""
    sent_delay: float = 0.0
    """Seconds until a sent mail is seen in Sent Items."""
    in_transit: Literal["draft", "missing"] = "missing"
    """What is seen of a sent draft until then."""
    permissions: list[Permission] = field(
        default_factory=lambda: ["Mail.Send", "Mail.ReadWrite", "Mail.Read"]
    )
    permissions_of: dict[str, list[Permission]] = field(default_factory=dict)
    """Of single applications, by client id, in place of `permissions`."""
    domains: list[str] = field(default_factory=list)
    """Every address in them is a mailbox, but for those that follow."""
    aliases: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    soft_deleted: list[str] = field(default_factory=list)
    excluded: list[str] = field(default_factory=list)
    """Mailboxes that an application access policy keeps from every application."""
    object_ids: dict[str, str] = field(default_factory=dict)
    """From the object ids of users to their mailboxes."""
    send_as: dict[str, list[str]] = field(default_factory=dict)
    """Which other addresses a mailbox may have in From."""


@dataclass(config=_STRICT)
class Secret:
    """What an application's record shows of one of its client secrets."""

    ends_at: datetime
    hint: str | None = None
    """The first three characters; old ones have none."""


@dataclass(config=_STRICT)
class Application:
    """What Entra knows of an application in one tenant."""

    tenant: str
    client_id: str
    secret: str = ""
    """Empty: a public client."""
    secrets: list[Secret] = field(default_factory=list)
    """As its record shows them."""
    users: dict[str, str] = field(default_factory=dict)
    """Who may sign in to it, with their passwords."""
    certificate: str = ""
    """PEM: what it may sign assertions with."""
    is_federated: bool = False
    """It trusts the managed identity."""
    trusted_tokens: list[str] = field(default_factory=list)
    """Tokens of another issuer that it trusts."""

    @property
    def is_confidential(self) -> bool:
        return bool(self.secret or self.certificate or self.is_federated or self.trusted_tokens)


@dataclass(config=_STRICT)
class Fault:
    """One or more answers that go wrong. The first of the list that matches strikes."""

    route: Route = ""
    """Empty: any."""
    mailbox: str = ""
    """Empty: any."""
    after: int = 0
    """So many calls that match pass unharmed first."""
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
    claims: bool = False
    """Revoke the application's tokens, and ask for a new one by a claims challenge."""
    aadsts: int = 0
    """Answer with this error of Entra; for the route token."""

    def matches(self, route: str, mailbox: str) -> bool:
        return (
            self.times > 0
            and self.route in ("", route)
            and self.mailbox.casefold() in ("", mailbox.casefold())
        )
