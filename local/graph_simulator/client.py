"""Look into a running simulator, and tell it what shall go wrong."""

from base64 import b64decode
from dataclasses import dataclass
from typing import Any, Self

import requests


@dataclass(frozen=True)
class ReceivedMail:
    """A mail that the simulator took."""

    mailbox: str
    recipients: tuple[str, ...]
    mime: bytes
    """Exactly as it was sent to Graph."""
    delivered: bytes
    """As each recipient gets it."""
    message_id: str
    subject: str
    app: str
    request_id: str
    client_request_id: str
    at: str
    attachments: tuple[dict[str, Any], ...]
    draft: dict[str, Any] | None


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

    def mails(self) -> list[ReceivedMail]:
        return [
            ReceivedMail(
                mailbox=mail["mailbox"],
                recipients=tuple(mail["recipients"]),
                mime=b64decode(mail["mime"]),
                delivered=b64decode(mail["delivered"]),
                message_id=mail["message_id"],
                subject=mail["subject"],
                app=mail["app"],
                request_id=mail["request_id"],
                client_request_id=mail["client_request_id"],
                at=mail["at"],
                attachments=tuple(mail["attachments"]),
                draft=mail["draft"],
            )
            for mail in self._get("mails")
        ]

    def requests(self, route: str = "") -> list[dict[str, Any]]:
        """The calls whose path ends with `route`, oldest first."""
        return [call for call in self._get("requests") if call["path"].endswith(route)]

    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = self._get("state")
        return state

    def fail(self, *faults: dict[str, Any]) -> None:
        """Let calls go wrong; the keys are those of `world.Fault`."""
        self._post("faults", list(faults))

    def rule(self, **rules: Any) -> None:
        """Change rules; the names are those of `world.Rules`."""
        self._post("settings", rules)

    def know(self, tenant: str, client_id: str, secret: str) -> None:
        """Have Entra know one application."""
        self._post("applications", [{"tenant": tenant, "client_id": client_id, "secret": secret}])

    def reset(self) -> None:
        self._post("reset", {})

    def close(self) -> None:
        self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _get(self, what: str) -> Any:
        answer = self._session.get(f"{self.address}/_control/{what}", timeout=30)
        answer.raise_for_status()
        return answer.json()

    def _post(self, what: str, body: Any) -> None:
        answer = self._session.post(f"{self.address}/_control/{what}", json=body, timeout=30)
        if answer.status_code != 200:
            raise ValueError(answer.text)
