"""The host's own log: JSON lines on standard error, beside those of the function app."""

import json
import sys
from datetime import UTC, datetime
from typing import Any


def tell(event: str, **facts: Any) -> None:
    ts = datetime.now(UTC).isoformat()
    print(json.dumps({"ts": ts, "host": event, **facts}), file=sys.stderr, flush=True)
