"""One run of a function, and the time that host.json gives it."""

import os
import sys
import time
import traceback
from concurrent.futures import Future, wait

from local.functions_host.functions import Function
from local.functions_host.log import tell
from local.functions_host.rules import HostJson

TIMED_OUT = 3
"""Exit code of a host whose function ran longer than functionTimeout."""


class Run:
    """A started function. When it takes too long, this process ends."""

    def __init__(
        self, function: Function, running: "Future[None]", host: HostJson, message: str | None
    ) -> None:
        """`message` is the id of the message that it runs for, if it runs for one."""
        self._running = running
        self._facts = {"function": function.name} | ({"message": message} if message else {})
        limit = host.function_timeout
        self._began = time.monotonic()
        self._deadline = None if limit is None else self._began + limit.total_seconds()

    def ends_within(self, seconds: float | None) -> bool:
        """Wait for its end, for so long or, with None, as long as it may run."""
        left = None if self._deadline is None else self._deadline - time.monotonic()
        pauses = [pause for pause in (seconds, left) if pause is not None]
        wait([self._running], max(0.0, min(pauses)) if pauses else None)
        if self._running.done():
            return True
        if self._deadline is not None and time.monotonic() >= self._deadline:
            self._end_with_the_worker()
        return False

    def has_succeeded(self) -> bool:
        """Whether it has ended without a fault; a fault is logged."""
        fault = self._running.exception()
        if fault is not None:
            text = "".join(traceback.format_exception(fault))
            tell("function-failed", **self._facts, traceback=text)
        return fault is None

    def _end_with_the_worker(self) -> None:
        # In Azure the worker is thrown away with all that it runs, for a thread cannot be ended;
        # the messages come back when their leases end.
        seconds = round(time.monotonic() - self._began)
        tell("function-timed-out", **self._facts, seconds=seconds)
        sys.stderr.flush()
        os._exit(TIMED_OUT)
