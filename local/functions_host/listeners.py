"""Watch a queue or a clock, and start the function when it is time.

A message is ours for the length of the lease, renewed at half of it while its function runs.
"""

import json
import os
import random
import sys
import threading
import time
import traceback
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as StillRunning
from datetime import UTC, datetime
from typing import Any

from local.functions_host.functions import Function, Worker, queue_message, timer_request
from local.functions_host.ncrontab import Schedule, next_occurrence
from local.functions_host.queues import POISON_SUFFIX, Leased, TriggerQueue, Unreachable
from local.functions_host.rules import (
    Fate,
    HostJson,
    after_run,
    before_run,
    body_of,
    next_pause,
    wants_batch,
)

TIMED_OUT = 3
"""Exit code of a host whose function ran longer than functionTimeout."""


def tell(event: str, **facts: Any) -> None:
    """A line of the host's own log, on standard error."""
    ts = datetime.now(UTC).isoformat()
    print(json.dumps({"ts": ts, "host": event, **facts}), file=sys.stderr, flush=True)


class QueueListener:
    """One queue-triggered function."""

    def __init__(
        self,
        function: Function,
        queue: TriggerQueue,
        worker: Worker,
        host: HostJson,
        lease_seconds: int,
    ) -> None:
        self._function = function
        self._queue = queue
        self._worker = worker
        self._host = host
        self._lease = lease_seconds
        self._in_flight = 0
        self._changed = threading.Condition()
        self._stop = threading.Event()
        most = host.batch_size + host.new_batch_threshold
        self._handlers = ThreadPoolExecutor(most, thread_name_prefix=f"{function.name}-message")
        self._thread = threading.Thread(target=self._poll, name=f"{function.name}-poll")

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ask for no more, and return when what runs has ended."""
        self._stop.set()
        with self._changed:
            self._changed.notify_all()
        self._thread.join()
        self._handlers.shutdown()

    def _poll(self) -> None:
        pause = 0.0
        longest = self._host.max_polling_interval.total_seconds()
        while not self._stop.is_set():
            messages: list[Leased] = []
            try:
                messages = self._queue.receive(self._host.batch_size, self._lease)
            except Unreachable as error:
                tell("queue-unreachable", queue=self._queue.name, reason=str(error))
            for message in messages:
                with self._changed:
                    self._in_flight += 1
                self._handlers.submit(self._handle, message)
            pause = next_pause(pause, bool(messages), longest, random.random())
            if messages:
                self._wait_for_capacity()
            else:
                self._stop.wait(pause)

    def _wait_for_capacity(self) -> None:
        with self._changed:
            while not self._stop.is_set() and not wants_batch(self._in_flight, self._host):
                self._changed.wait()

    def _handle(self, message: Leased) -> None:
        try:
            self._settle(message, self._fate_of(message))
        except Unreachable as error:
            tell("message-left-to-its-lease", message=message.id, reason=str(error))
        except Exception:  # noqa: BLE001  one message must not stop the others
            tell("host-fault", message=message.id, traceback=traceback.format_exc())
        finally:
            with self._changed:
                self._in_flight -= 1
                self._changed.notify_all()

    def _fate_of(self, message: Leased) -> Fate:
        if before_run(message.dequeue_count, self._host) is Fate.POISON:
            return Fate.POISON
        body = body_of(message.text, self._host)
        if body is None:
            tell("message-not-decoded", message=message.id)
            return Fate.POISON
        running = self._worker.start(self._function, queue_message(body, message.metadata))
        succeeded = self._see_through(message, running)
        return after_run(succeeded, message.dequeue_count, self._host)

    def _see_through(self, message: Leased, running: "Future[None]") -> bool:
        began = time.monotonic()
        is_ours = True
        while True:
            try:
                running.result(self._lease / 2)
                return True
            except StillRunning:
                if running.done():
                    return self._failed(message, running)
                _end_if_too_long(self._function, self._host, time.monotonic() - began)
                is_ours = is_ours and self._renew(message)
            except Exception:  # noqa: BLE001  whatever a function raises has failed it
                return self._failed(message, running)

    def _renew(self, message: Leased) -> bool:
        try:
            return self._queue.renew(message, self._lease)
        except Unreachable as error:
            tell("lease-not-renewed", message=message.id, reason=str(error))
            return True

    def _failed(self, message: Leased, running: "Future[None]") -> bool:
        fault = running.exception()
        tell(
            "function-failed",
            function=self._function.name,
            message=message.id,
            traceback="".join(traceback.format_exception(fault)),
        )
        return False

    def _settle(self, message: Leased, fate: Fate) -> None:
        if fate is Fate.DELETE:
            self._queue.delete(message)
        elif fate is Fate.RELEASE:
            self._queue.renew(message, int(self._host.visibility_timeout.total_seconds()))
        elif fate is Fate.POISON:
            tell(
                f"Message has reached MaxDequeueCount of {self._host.max_dequeue_count}. Moving"
                f" message to queue '{self._queue.name}{POISON_SUFFIX}'.",
                message=message.id,
            )
            self._queue.to_poison(message)


class TimerListener:
    """One timer-triggered function; a run that is late does not run twice."""

    def __init__(self, function: Function, schedule: Schedule, worker: Worker) -> None:
        self._function = function
        self._schedule = schedule
        self._worker = worker
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name=f"{function.name}-timer")

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        if self._function.options.get("run_on_startup"):
            self._run()
        while True:
            now = datetime.now(UTC)
            due = next_occurrence(self._schedule, now)
            if self._stop.wait((due - now).total_seconds()):
                return
            self._run()

    def _run(self) -> None:
        running = self._worker.start(self._function, timer_request(is_past_due=False))
        fault = running.exception()
        if fault is not None:
            tell(
                "function-failed",
                function=self._function.name,
                traceback="".join(traceback.format_exception(fault)),
            )


def _end_if_too_long(function: Function, host: HostJson, seconds: float) -> None:
    limit = host.function_timeout
    if limit is not None and seconds > limit.total_seconds():
        # As in Azure: the worker is thrown away with all that it runs; the leases will end.
        tell("function-timed-out", function=function.name, seconds=round(seconds))
        sys.stderr.flush()
        os._exit(TIMED_OUT)
