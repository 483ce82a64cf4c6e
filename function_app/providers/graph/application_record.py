"""The record of an application in Microsoft Entra: when its client secrets end.

https://learn.microsoft.com/graph/api/resources/passwordcredential
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from function_app.providers.graph.answers import Answer
from function_app.providers.graph.calls import Calls

_HINT_LENGTH = 3


@dataclass(frozen=True)
class SecretShown:
    ends_at: datetime
    hint: str
    """The first characters of the secret; "" when none are known."""


@dataclass(frozen=True)
class NotShown:
    """The record is not for this identity to see, or not in its tenant."""

    code: str


def read_secrets(calls: Calls, client_id: str) -> Sequence[SecretShown] | NotShown | None:
    """What the record of `client_id` shows; None when it may show more later. Raises CallFailed."""
    answer = calls.call(
        "GET",
        f"/applications(appId='{quote(client_id, safe='')}')",
        {"client-request-id": str(uuid.uuid4())},
        query={"$select": "passwordCredentials"},
    )
    return understood(answer)


def understood(answer: Answer) -> Sequence[SecretShown] | NotShown | None:
    """What `answer` says. Pure."""
    if answer.status in (403, 404):
        return NotShown(answer.code or f"http-{answer.status}")
    told = answer.told.get("passwordCredentials") if answer.status == 200 else None
    if not isinstance(told, list):
        return None
    try:
        return [_secret(one) for one in told]
    except (TypeError, ValueError, LookupError):
        return None


def _secret(shown: dict[str, Any]) -> SecretShown:
    moment = datetime.fromisoformat(shown["endDateTime"])
    ends_at = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return SecretShown(ends_at, str(shown.get("hint") or ""))


def end_of(secrets: Sequence[SecretShown], secret: str, now: datetime) -> datetime | None:
    """When `secret` ends, as far as its record tells it from others. Pure.

    Of several that it may be, the first to end counts: a warning too many is none too late. What
    has ended does not count beside one that has not.
    """
    by_hint = [one for one in secrets if one.hint and one.hint == secret[:_HINT_LENGTH]]
    ends = [one.ends_at for one in by_hint or secrets if by_hint or not one.hint]
    return min((end for end in ends if end > now), default=max(ends, default=None))
