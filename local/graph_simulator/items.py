"""What lies in a simulated mailbox: drafts, sent mails, their attachments and uploads."""

import hashlib
import secrets
from base64 import b64encode
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

_IMMUTABLE_LENGTH = 72
_CLASSIC_LENGTH = 140


class Hash(Protocol):
    """As hashlib makes them."""

    def update(self, octets: bytes, /) -> None: ...

    def hexdigest(self) -> str: ...


@dataclass(frozen=True)
class Attachment:
    """A file of a mail; of its octets no more than size and hash are kept."""

    name: str
    content_type: str
    is_inline: bool
    content_id: str | None
    size: int
    sha256: str
    id: str = field(default_factory=lambda: new_id(_CLASSIC_LENGTH))


@dataclass
class Mail:
    """A mail as its sender's mailbox holds it."""

    mailbox: str
    to: list[str]
    cc: list[str]
    bcc: list[str]
    message_id: str
    subject: str
    app: str
    mime: bytes = b""
    """Exactly as it came; empty when it was made from JSON."""
    delivered: bytes = b""
    """What each recipient gets: without Bcc."""
    draft: dict[str, Any] | None = None
    """The message as JSON, when it was made from JSON."""
    attachments: list[Attachment] = field(default_factory=list)
    request_id: str = ""
    client_request_id: str = ""
    at: str = field(default_factory=lambda: now_text())
    item_id: str = field(default_factory=lambda: new_item_id(is_immutable=True))
    visible_from: float = 0.0
    is_saved: bool = True

    @property
    def recipients(self) -> list[str]:
        """Who gets it: each address once, in the spelling that came first."""
        named: dict[str, str] = {}
        for address in (*self.to, *self.cc, *self.bcc):
            named.setdefault(address.casefold(), address)
        return list(named.values())

    @property
    def size(self) -> int:
        return len(self.mime) + sum(attachment.size for attachment in self.attachments)

    def as_json(self) -> dict[str, Any]:
        octets = {"mime": self.mime, "delivered": self.delivered}
        return (
            asdict(self)
            | {name: b64encode(value).decode("ascii") for name, value in octets.items()}
            | {"recipients": self.recipients}
        )


@dataclass
class Draft:
    """A mail that is not sent yet."""

    mail: Mail
    is_immutable: bool
    """Its id outlives sending."""


@dataclass
class Upload:
    """An upload session. What came so far is only counted and hashed."""

    draft_id: str
    item: dict[str, Any]
    size: int
    token: str
    expires_at: float
    app: str
    mailbox: str
    received: int = 0
    hash: Hash = field(default_factory=hashlib.sha256)

    def take(self, octets: bytes) -> None:
        self.received += len(octets)
        self.hash.update(octets)

    def attachment(self) -> Attachment:
        return attachment_of(self.item, self.received, self.hash.hexdigest())


def attachment_of(item: dict[str, Any], size: int, sha256: str) -> Attachment:
    return Attachment(
        name=str(item.get("name", "")),
        content_type=str(item.get("contentType") or "application/octet-stream"),
        is_inline=bool(item.get("isInline")),
        content_id=item.get("contentId"),
        size=size,
        sha256=sha256,
    )


def folder_id(mailbox: str, name: str) -> str:
    """The opaque id of a well-known folder; parentFolderId never holds the name."""
    digest = hashlib.sha512(f"{mailbox.casefold()}/{name}".encode()).hexdigest()
    return f"AQMkAD{digest[:114]}"


def new_item_id(*, is_immutable: bool) -> str:
    return new_id(_IMMUTABLE_LENGTH if is_immutable else _CLASSIC_LENGTH)


def new_id(length: int) -> str:
    return ("AAkALg" + secrets.token_urlsafe(length))[:length]


def now_text() -> str:
    return datetime.now(UTC).isoformat()
