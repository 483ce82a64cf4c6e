"""Look into a running simulator, and tell it what shall go wrong."""

from base64 import b64decode
from dataclasses import dataclass
from typing import Any, Self, TypedDict

import requests

_SECONDS = 30


@dataclass(frozen=True)
class ReceivedAttachment:
    """A file that came with a draft."""

    name: str
    content_type: str
    is_inline: bool
    content_id: str | None
    size: int
    sha256: str


@dataclass(frozen=True)
class ReceivedMail:
    """A mail that the simulator took."""

    mailbox: str
    recipients: tuple[str, ...]
    """Who got it: each address of To, Cc and Bcc once."""
    to: tuple[str, ...]
    cc: tuple[str, ...]
    bcc: tuple[str, ...]
    mime: bytes
    """Exactly as it was sent to Graph, and as it lies in Sent Items; empty for a JSON mail."""
    delivered: bytes
    """As each of the recipients gets it: without Bcc."""
    message_id: str
    subject: str
    app: str
    request_id: str
    client_request_id: str
    at: str
    attachments: tuple[ReceivedAttachment, ...]
    """Those that were not in the MIME."""
    draft: dict[str, Any] | None
    """The message of a JSON mail; its body is in it."""


class ReceivedRequest(TypedDict):
    """A call, as `world.Request` describes it."""

    method: str
    path: str
    status: int
    client_request_id: str
    connection: int
    app: str
    at: str


class SimulatorClient:
    """One simulator at `address`."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._session = requests.Session()
        where = self._get("addresses")
        self.entra: str = where["entra"]
        """The authority, over TLS."""
        self.ca_file: str = where["ca_file"]
        self.identity_endpoint: str = where["identity_endpoint"]
        self.identity_header: str = where["identity_header"]

    def mails(self, first: int = 0) -> list[ReceivedMail]:
        """All that were taken, in their order, from number `first` on."""
        return [_received(mail) for mail in self._get(f"mails?from={first}")]

    def requests(self, route: str = "") -> list[ReceivedRequest]:
        """The calls whose path ends with `route`, oldest first."""
        return [call for call in self._get("requests") if call["path"].endswith(route)]

    def state(self) -> dict[str, Any]:
        """Rules, faults that are left, and how much of the rest there is."""
        state: dict[str, Any] = self._get("state")
        return state

    def fail(self, *faults: dict[str, Any]) -> None:
        """Let calls go wrong; the keys are those of `rules.Fault`. Raises ValueError."""
        self._post("faults", list(faults))

    def rule(self, **rules: Any) -> None:
        """Change rules; the names are those of `rules.Rules`. Raises ValueError."""
        self._post("settings", rules)

    def know(
        self,
        tenant: str,
        client_id: str,
        secret: str = "",
        users: dict[str, str] | None = None,
        **others: Any,
    ) -> None:
        """Have Entra know an application, and the passwords of those who may sign in to it.

        `others` are those of `rules.Application`. Raises ValueError.
        """
        application = {"tenant": tenant, "client_id": client_id, "secret": secret}
        self._post("applications", [application | {"users": users or {}} | others])

    def public_keys(self) -> list[dict[str, str]]:
        """By which the tokens of Entra are known (RFC 7517)."""
        answer = self._session.get(f"{self.address}/common/discovery/keys", timeout=_SECONDS)
        return list(answer.json()["keys"])

    def reset(self) -> None:
        """Forget everything but the domains."""
        self._post("reset", {})

    def close(self) -> None:
        self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _get(self, what: str) -> Any:
        answer = self._session.get(f"{self.address}/_control/{what}", timeout=_SECONDS)
        answer.raise_for_status()
        return answer.json()

    def _post(self, what: str, body: Any) -> None:
        answer = self._session.post(f"{self.address}/_control/{what}", json=body, timeout=_SECONDS)
        if answer.status_code != 200:
            raise ValueError(answer.text)


def _received(mail: dict[str, Any]) -> ReceivedMail:
    names = ("mailbox", "message_id", "subject", "app", "request_id", "client_request_id", "at")
    return ReceivedMail(
        recipients=tuple(mail["recipients"]),
        to=tuple(mail["to"]),
        cc=tuple(mail["cc"]),
        bcc=tuple(mail["bcc"]),
        mime=b64decode(mail["mime"]),
        delivered=b64decode(mail["delivered"]),
        attachments=tuple(map(_attachment, mail["attachments"])),
        draft=mail["draft"],
        **{name: mail[name] for name in names},
    )


def _attachment(file: dict[str, Any]) -> ReceivedAttachment:
    return ReceivedAttachment(**{name: value for name, value in file.items() if name != "id"})
