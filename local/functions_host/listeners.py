"""Watch a queue or a clock, and start the function when it is time.

A message is ours for the length of the lease, renewed at half of it while its function runs.
"""

import random
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from local.functions_host.functions import Function, Worker, queue_message, timer_request
from local.functions_host.log import tell
from local.functions_host.ncrontab import Schedule, next_occurrence
from local.functions_host.queues import POISON_SUFFIX, Leased, TriggerQueue, Unreachable
from local.functions_host.rules import (
    Fate,
    HostJson,
    after_run,
    before_run,
    body_of,
    polling_pause,
    renewal_pause,
    wants_batch,
)
from local.functions_host.run import Run


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
        self._is_reachable = True
        most = host.batch_size + host.new_batch_threshold
        self._handlers = ThreadPoolExecutor(most, thread_name_prefix=f"{function.name}-message")
        self._thread = threading.Thread(target=self._watch, name=f"{function.name}-poll")

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ask for no more messages."""
        self._stop.set()
        with self._changed:
            self._changed.notify_all()

    def join(self) -> None:
        """Return when what runs has ended, and its message is settled."""
        self._thread.join()
        self._handlers.shutdown()

    def _watch(self) -> None:
        empty_polls = 0
        longest = self._host.max_polling_interval.total_seconds()
        while not self._stop.is_set():
            if messages := self._poll():
                empty_polls = 0
                self._take_on(messages)
            else:
                empty_polls += 1
                self._stop.wait(polling_pause(empty_polls, longest, random.random()))

    def _poll(self) -> list[Leased]:
        try:
            messages = self._queue.receive(self._host.batch_size, self._lease)
        except Unreachable as error:
            if self._is_reachable:
                tell("queue-unreachable", queue=self._queue.name, reason=str(error))
            self._is_reachable = False
            return []
        if not self._is_reachable:
            tell("queue-reachable", queue=self._queue.name)
        self._is_reachable = True
        return messages

    def _take_on(self, messages: list[Leased]) -> None:
        with self._changed:
            self._in_flight += len(messages)
        for message in messages:
            self._handlers.submit(self._handle, message)
        with self._changed:
            self._changed.wait_for(
                lambda: self._stop.is_set() or wants_batch(self._in_flight, self._host)
            )

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
        run = Run(self._function, running, self._host, message.id)
        self._keep_until_it_ends(message, run)
        return after_run(run.has_succeeded(), message.dequeue_count, self._host)

    def _keep_until_it_ends(self, message: Leased, run: Run) -> None:
        pause: float | None = renewal_pause(None, self._lease)
        while not run.ends_within(pause):
            if pause is not None:
                pause = self._renew(message, pause)

    def _renew(self, message: Leased, pause: float) -> float | None:
        """The pause until the next renewal; None when the message is no longer ours."""
        try:
            is_ours = self._queue.renew(message, self._lease)
        except Unreachable as error:
            tell("lease-not-renewed", message=message.id, reason=str(error))
            return renewal_pause(pause, self._lease)
        return renewal_pause(None, self._lease) if is_ours else None

    def _settle(self, message: Leased, fate: Fate) -> None:
        if fate is Fate.DELETE:
            self._queue.delete(message)
        elif fate is Fate.RELEASE:
            self._queue.renew(message, int(self._host.visibility_timeout.total_seconds()))
        elif fate is Fate.POISON:
            # The words of the real host, for undecodable messages too.
            tell(
                f"Message has reached MaxDequeueCount of {self._host.max_dequeue_count}. Moving"
                f" message to queue '{self._queue.name}{POISON_SUFFIX}'.",
                message=message.id,
            )
            self._queue.to_poison(message)


class TimerListener:
    """One timer-triggered function. It never runs twice at once: the next run waits for its time
    after the end of the last."""

    def __init__(
        self, function: Function, schedule: Schedule, worker: Worker, host: HostJson
    ) -> None:
        self._function = function
        self._schedule = schedule
        self._worker = worker
        self._host = host
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name=f"{function.name}-timer")

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Start no more runs."""
        self._stop.set()

    def join(self) -> None:
        """Return when what runs has ended."""
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
        run = Run(self._function, running, self._host, message=None)
        run.ends_within(None)
        run.has_succeeded()
