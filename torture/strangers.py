"""Queue messages that no edge of this version wrote, and mails whose content is not theirs.

Each must end as a dead letter with its reason, and stop nobody else.
"""

import hashlib
import json
from base64 import b64encode
from datetime import UTC, datetime
from typing import Any

from handoff.ids import blob_name_of, new_id

_MAIL = b"From: device@contoso.com\r\nTo: r1@example.org\r\n\r\nA stranger.\r\n"


def strange_messages() -> list[str]:
    """One of each kind."""
    older, newer, mismatched, without_blob = _ticket(), _ticket(), _ticket(), _ticket()
    older["v"], newer["v"] = 0, 2
    newer["unheard-of"] = True
    mismatched["content"]["sha256"] = "0" * 64
    del without_blob["content"]["mime"]
    without_blob["content"]["blob"] = blob_name_of(without_blob["id"])
    tickets = (json.dumps(one) for one in (older, newer, mismatched, without_blob))
    return ["garbage", '{"v":1}', "[" * 5000, "x" * 64_000, *tickets]


def _ticket() -> dict[str, Any]:
    now = datetime.now(UTC)
    return {
        "v": 1,
        "kind": "mail",
        "id": new_id(now),
        "site": "torture",
        "device": "stranger",
        "received_at": now.isoformat(),
        "envelope": {"reverse_path": "", "forward_paths": ["r1@example.org"], "smtputf8": False},
        "send_as": {
            "mailbox": "device-0@contoso.com",
            "from_policy": "rewrite",
            "identity": "default",
            "sealed": None,
        },
        "content": {
            "size": len(_MAIL),
            "sha256": hashlib.sha256(_MAIL).hexdigest(),
            "mime": b64encode(_MAIL).decode("ascii"),
        },
        "trace": None,
    }
