"""What the host decides about a queue message, and when it looks for the next ones. Pure.

Follows QueueListener, QueueProcessor and RandomizedExponentialBackoffStrategy of the Storage
Queues extension 5.3 (Azure/azure-sdk-for-net).
"""

import base64
import binascii
import json
import re
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Any

_SPAN = re.compile(r"(?:(\d+)\.)?(\d{1,2}):(\d{2}):(\d{2})(?:\.(\d{1,7}))?")
_MOST_IN_A_BATCH = 32
_SHORTEST_PAUSE = 0.1
_SWING = 0.2
_MOST_DOUBLINGS = 20  # beyond every pause that host.json may name


class BadHostJson(Exception):
    """host.json does not hold; the text says what and where."""


class Fate(Enum):
    """What becomes of a message."""

    RUN = "run"
    DELETE = "delete"
    RELEASE = "release"
    POISON = "poison"


@dataclass(frozen=True)
class HostJson:
    """What of host.json concerns queues and time-outs."""

    batch_size: int = 16
    new_batch_threshold: int = 8
    max_dequeue_count: int = 5
    visibility_timeout: timedelta = timedelta(0)
    """How long a message stays hidden after a failed run."""
    max_polling_interval: timedelta = timedelta(minutes=1)
    is_base64: bool = True
    function_timeout: timedelta | None = timedelta(minutes=30)


def read_host_json(text: str, processors: int) -> HostJson:
    """Raises BadHostJson."""
    try:
        tree = json.loads(text)
    except ValueError as error:
        raise BadHostJson(f"host.json: {error}") from error
    if not isinstance(tree, dict) or tree.get("version") != "2.0":
        raise BadHostJson('host.json: "version" must be "2.0"')
    queues = _section(_section(tree, "extensions"), "queues")
    batch_size = _number(queues, "batchSize", 16, 1, _MOST_IN_A_BATCH)
    encoding = str(queues.get("messageEncoding", "base64")).lower()
    if encoding not in ("base64", "none"):
        raise BadHostJson(f"host.json: extensions.queues.messageEncoding: {encoding!r}")
    limit = tree.get("functionTimeout", "00:30:00")
    longest_pause = _span(queues.get("maxPollingInterval", "00:01:00"))
    if longest_pause.total_seconds() < _SHORTEST_PAUSE:
        raise BadHostJson("host.json: extensions.queues.maxPollingInterval: at least 100 ms")
    return HostJson(
        batch_size=batch_size,
        new_batch_threshold=_number(
            queues, "newBatchThreshold", batch_size // 2 * processors, 0, 10_000
        ),
        max_dequeue_count=_number(queues, "maxDequeueCount", 5, 1, 10**9),
        visibility_timeout=_span(queues.get("visibilityTimeout", "00:00:00")),
        max_polling_interval=longest_pause,
        is_base64=encoding == "base64",
        function_timeout=None if limit in ("-1", -1) else _span(limit),
    )


def before_run(dequeue_count: int, host: HostJson) -> Fate:
    """Covers messages whose last permitted run never came to an end."""
    return Fate.POISON if dequeue_count > host.max_dequeue_count else Fate.RUN


def after_run(succeeded: bool, dequeue_count: int, host: HostJson) -> Fate:
    if succeeded:
        return Fate.DELETE
    return Fate.POISON if dequeue_count >= host.max_dequeue_count else Fate.RELEASE


def body_of(text: str, host: HostJson) -> str | None:
    """What the function gets; None for a message that is not encoded as host.json says."""
    if not host.is_base64:
        return text
    try:
        return base64.b64decode(text, validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return None


def polling_pause(empty_polls: int, longest: float, chance: float) -> float:
    """Seconds to wait after so many polls in a row found nothing; `chance` is in [0, 1)."""
    if empty_polls <= 1:
        return _SHORTEST_PAUSE
    swing = 1 - _SWING + 2 * _SWING * chance
    doublings = min(empty_polls - 2, _MOST_DOUBLINGS)
    return min(longest, _SHORTEST_PAUSE + _SHORTEST_PAUSE * (1 << doublings) * swing)


def renewal_pause(previous: float | None, lease: float) -> float:
    """Seconds until a lease is renewed; `previous` is the pause before a renewal that failed."""
    if previous is None:
        return lease / 2
    return max(previous / 2, lease / 10)


def wants_batch(in_flight: int, host: HostJson) -> bool:
    return in_flight <= host.new_batch_threshold


def _section(tree: dict[str, Any], key: str) -> dict[str, Any]:
    section = tree.get(key, {})
    if not isinstance(section, dict):
        raise BadHostJson(f"host.json: {key}: expected an object")
    return section


def _number(queues: dict[str, Any], key: str, default: int, least: int, most: int) -> int:
    value = queues.get(key, default)
    if type(value) is not int or not least <= value <= most:
        raise BadHostJson(
            f"host.json: extensions.queues.{key}: expected a whole number, {least} to {most}"
        )
    return value


def _span(text: Any) -> timedelta:
    found = _SPAN.fullmatch(str(text))
    if found is None:
        raise BadHostJson(f"host.json: {text!r} is no time span such as 00:00:30")
    days, hours, minutes, seconds, fraction = found.groups(default="0")
    return timedelta(
        days=int(days),
        hours=int(hours),
        minutes=int(minutes),
        seconds=int(seconds) + float(f"0.{fraction}"),
    )
