"""When something ends, and how near that is. Pure.

What both halves warn of: certificates, client secrets, shared access signatures.
"""

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote

STAGES = (1, 7, 14, 30)
"""Days before the end; each is a warning of its own."""
_EXPIRY_OF_SIGNATURE = re.compile(r"SharedAccessSignature=(?:[^;]*&)?\??se=([^;&]+)", re.IGNORECASE)


def stage_of(expires_at: datetime, now: datetime) -> int | None:
    """The stage that is reached; None when the end is further than all of them."""
    left = expires_at - now
    return next((days for days in STAGES if left <= timedelta(days=days)), None)


def days_left(expires_at: datetime, now: datetime) -> int:
    """Whole days; 0 on the last one, negative when it is over."""
    return (expires_at - now) // timedelta(days=1)


def signature_expiry(connection_string: str) -> datetime | None:
    """When the shared access signature in `connection_string` ends; None when there is none."""
    found = _EXPIRY_OF_SIGNATURE.search(connection_string)
    if found is None:
        return None
    try:
        moment = datetime.fromisoformat(unquote(found[1]))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
