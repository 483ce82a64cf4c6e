"""Plain values for tests: a ticket, a mail, a heartbeat, a moment."""

import hashlib
from base64 import b64encode
from datetime import UTC, datetime
from typing import Any

from handoff.ids import new_id
from handoff.signals import DeviceSeen, Heartbeat
from handoff.ticket import Content, Envelope, SendAs, Ticket

NOW = datetime(2026, 11, 21, 5, 0, 0, 123000, UTC)
MAIL = (
    b"From: Scanner <scan@contoso.com>\r\n"
    b"To: ann@contoso.com\r\n"
    b"Subject: Scan\r\n"
    b"Date: Sat, 21 Nov 2026 05:00:00 +0000\r\n"
    b"Message-ID: <one@contoso.com>\r\n"
    b"\r\n"
    b"Hello.\r\n"
)


def content_of(octets: bytes) -> Content:
    return Content(
        size=len(octets),
        sha256=hashlib.sha256(octets).hexdigest(),
        mime=b64encode(octets).decode("ascii"),
    )


def a_ticket(octets: bytes = MAIL, **changes: Any) -> Ticket:
    """A ticket for one mail; `to`, `sender` and the fields of SendAs and Ticket can be changed."""
    envelope = Envelope(
        reverse_path=changes.pop("sender", "scan@contoso.com"),
        forward_paths=tuple(changes.pop("to", ("ann@contoso.com",))),
    )
    known = ("mailbox", "from_policy", "identity")
    send_as = {"mailbox": "scan@contoso.com"} | {
        name: changes.pop(name) for name in known if name in changes
    }
    fields: dict[str, Any] = {
        "id": new_id(NOW),
        "site": "plant-2",
        "device": "scanner-2f",
        "received_at": NOW,
        "envelope": envelope,
        "send_as": SendAs(**send_as),
        "content": content_of(octets),
    }
    return Ticket(v=1, kind="mail", **fields | changes)


def a_heartbeat(at: datetime, *devices: DeviceSeen, **changes: Any) -> Heartbeat:
    """Of an edge that has nothing to complain of."""
    fields: dict[str, Any] = {
        "id": new_id(at),
        "site": "plant-2",
        "at": at,
        "every": 300,
        "started_at": at,
        "spool_mails": 0,
        "spool_bytes": 0,
        "spool_most_bytes": 10_000_000_000,
        "faults": 0,
        "devices": devices,
    }
    return Heartbeat(**fields | changes)
