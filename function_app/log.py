"""One event a hand-over, as a line of JSON: what became of which mail.

The Functions worker carries the message of a log record, and nothing else of it, to Application
Insights; so the message itself is the JSON. It holds no address, no content and no secret.
"""

import json
import logging
from datetime import datetime

_RELAY = logging.getLogger("relay")
_RELAY.setLevel(logging.INFO)
# The storage clients write two lines a request at INFO.
logging.getLogger("azure").setLevel(logging.WARNING)


def log(event: str, level: int = logging.INFO, **fields: str | float | bool | datetime) -> None:
    """Write `event` with its fields; empty texts are left out."""
    known = {name: _plain(value) for name, value in fields.items() if value != ""}
    _RELAY.log(level, "%s", json.dumps({"event": event} | known))


def _plain(value: str | float | bool | datetime) -> str | float | bool:
    return value.isoformat(timespec="seconds") if isinstance(value, datetime) else value
