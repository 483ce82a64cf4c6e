"""How long a deferred mail rests before its next attempt. Pure.

Soon after the first fault, since most pass at once; then in doubling pauses up to an hour. The
pauses are scattered, or mails that failed together would come back together.
"""

from datetime import timedelta

FIRST = timedelta(seconds=5)
FIRST_OF_CONFIGURATION = timedelta(minutes=1)
"""Somebody has to act, and to ask sooner helps nobody."""
LONGEST = timedelta(hours=1)
SCATTER = 0.2

_DOUBLINGS = 10  # 5 s * 2^10 is beyond an hour


def delay(
    attempt: int, retry_after: timedelta | None, jitter: float, first: timedelta = FIRST
) -> timedelta:
    """The pause after attempt number `attempt` (1, 2, ...), for a `jitter` between 0 and 1.

    Never shorter than `retry_after`: requests made while throttled count against the limit too
    (https://learn.microsoft.com/graph/throttling).
    """
    pause = min(first * (1 << min(attempt - 1, _DOUBLINGS)), LONGEST)
    scattered = pause * (1 + SCATTER * (2 * jitter - 1))
    if retry_after is None:
        return scattered
    return max(scattered, retry_after * (1 + SCATTER * jitter))
