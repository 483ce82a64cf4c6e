"""Wait out what passes in seconds, within one attempt to send.

For the calls that fill a draft, and for no other: a mail that begins anew sends all its octets
again, and these count against the mailbox (https://learn.microsoft.com/graph/throttling-limits).
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from function_app.outcome import Deferred, Rejected
from function_app.providers.graph.answers import Answer
from function_app.providers.graph.calls import CallFailed
from function_app.providers.transport import NO_CONNECTION

_PAUSES = tuple(timedelta(seconds=seconds) for seconds in (1, 2, 4, 8))
_LONGEST_PAUSE = timedelta(seconds=60)
TOO_SLOW = Deferred(
    "upload-too-slow",
    "The mail could not be brought to Microsoft Graph within three minutes. It is tried again; "
    "if that happens again and again, look at the line, or send less in one mail.",
)


class GaveUp(Exception):
    """The mail was not sent. `outcome` says what is to become of it."""

    def __init__(self, outcome: Deferred | Rejected) -> None:
        super().__init__(outcome.code)
        # Nothing was sent yet, whatever became of the call.
        self.outcome = replace(outcome, unsure=False) if isinstance(outcome, Deferred) else outcome


@dataclass(frozen=True)
class Patience:
    """Ends at a moment."""

    until: float
    """By time.monotonic()."""

    @property
    def is_over(self) -> bool:
        return time.monotonic() > self.until

    def call(self, make: Callable[[], Answer], *, may_repeat: bool) -> Answer:
        """What `make` answers at last; a refusal that stays is an answer too. Raises GaveUp.

        Unless the call `may_repeat`, it is made again only if it surely has done nothing.
        """
        for pause in (*_PAUSES, None):
            if self.is_over:
                raise GaveUp(TOO_SLOW)
            answer, fault = _made(make)
            if fault is None or pause is None or not _may_pass(fault, may_repeat=may_repeat):
                break
            wanted = pause if fault.after is None else fault.after
            if wanted > _LONGEST_PAUSE:
                break
            time.sleep(wanted.total_seconds())
        if answer is None:
            raise GaveUp(fault or TOO_SLOW)
        return answer


def _made(make: Callable[[], Answer]) -> tuple[Answer | None, Deferred | None]:
    """The answer, if there is one, and what is wrong, if that may pass."""
    try:
        answer = make()
    except CallFailed as failure:
        return None, failure.outcome
    verdict = answer.verdict if answer.status >= 400 else None
    return answer, verdict if isinstance(verdict, Deferred) else None


def _may_pass(fault: Deferred, *, may_repeat: bool) -> bool:
    if fault.unsure:
        return may_repeat
    return fault.is_throttled or fault.code == NO_CONNECTION
