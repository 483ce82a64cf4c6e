"""Drain the spool into the storage account: content first, ticket second, then forget.

A mail leaves the spool only when its ticket is in the queue. While the storage account does not
answer, one try at a time finds out whether it is back, with growing pauses and without limit in
time; the other mails wait for its outcome. What has gathered meanwhile goes slowly at first.
"""

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractContextManager, aclosing, nullcontext
from datetime import UTC, datetime, timedelta

import structlog

from edge.leftovers import Leftovers
from edge.metrics import Metrics
from edge.ramp import Ramp
from edge.settings import ForwarderSettings
from edge.spool import Spool, SpoolEntry, SpoolUnavailable
from handoff.content import put_inline
from handoff.ids import late_blob_name_of
from handoff.outbox import Outbox, OutboxUnavailable
from handoff.ticket import BadTicket, Ticket, decode, encode
from handoff.traces import Span, Traces

_FIRST_PAUSE = 0.5
_PIECE = 1024 * 1024
_NO_SPAN = nullcontext()
_LOOK_SECONDS = 2.0
_LATE = timedelta(days=7)
"""Half of the shortest time after which the function app removes content without a ticket."""
log = structlog.get_logger()


def pause_before_try(failures: int, longest: float, jitter: float) -> float:
    """Seconds to wait after `failures` tries in a row; `jitter` is in [0, 1). Pure."""
    pause = min(longest, _FIRST_PAUSE * 2.0 ** min(failures - 1, 30))
    return pause * (0.75 + jitter / 2)


class Uplink:
    """Whether the storage account takes mail, and when to try it again."""

    def __init__(
        self, settings: ForwarderSettings, metrics: Metrics, traces: Traces | None
    ) -> None:
        self._traces = traces
        self._longest_pause = settings.longest_pause
        self._ramp = Ramp(settings.concurrency)
        self._metrics = metrics
        self._failures = 0
        self._probe = asyncio.Lock()
        self.fault: str | None = None
        """Why it takes none now; None while it does."""
        self.since = datetime.now(UTC)
        metrics.uplink_up.set(1)

    async def put(self, outbox: Outbox, entry: SpoolEntry) -> None:
        """Hand `entry` over, however long it takes. Raises BadTicket, FileNotFoundError."""
        while True:
            if self.fault is None:
                async with self._ramp.turn():
                    if self.fault is None and await self._try(outbox, entry):
                        return
            else:
                async with self._probe:
                    if self.fault is not None:
                        await asyncio.sleep(self._pause())
                        if await self._try(outbox, entry, is_probe=True):
                            return

    async def _try(self, outbox: Outbox, entry: SpoolEntry, *, is_probe: bool = False) -> bool:
        try:
            await hand_over(outbox, entry, self._traces)
        except OutboxUnavailable as error:
            self._failed(str(error), is_probe)
            return False
        except (BadTicket, OSError):
            raise
        except Exception as error:
            # Ours or a library's: the mail must not be stranded for it, nor anybody wait unheard.
            if self.fault is None:
                log.exception("hand_over_fault", id=entry.id)
            self._failed(f"{type(error).__name__}: {error}"[:200], is_probe)
            return False
        self._worked()
        return True

    def _pause(self) -> float:
        return pause_before_try(self._failures, self._longest_pause, random.random())

    def _failed(self, reason: str, is_probe: bool) -> None:
        self._metrics.forward_faults.inc()
        self._ramp.begin_anew()
        # Those that were under way together fail together: that is one failure.
        if self.fault is None or is_probe:
            self._failures += 1
        if self.fault is None:
            self.since = datetime.now(UTC)
            self._metrics.uplink_up.set(0)
            log.warning("uplink_down", reason=reason)
        self.fault = reason

    def _worked(self) -> None:
        if self.fault is not None:
            log.info("uplink_up", failures=self._failures, down_since=self.since.isoformat())
            self.since = datetime.now(UTC)
            self._metrics.uplink_up.set(1)
        self.fault = None
        self._failures = 0
        self._ramp.widen()


class Forwarder:
    """Moves every entry of the spool, several at a time."""

    def __init__(
        self,
        spool: Spool,
        outbox: Outbox,
        settings: ForwarderSettings,
        metrics: Metrics,
        traces: Traces | None = None,
    ) -> None:
        self._spool = spool
        self._outbox = outbox
        self._slots = asyncio.Semaphore(settings.concurrency)
        self._page = settings.concurrency
        self._metrics = metrics
        self._under_way: set[asyncio.Task[None]] = set()
        self._not_held: set[int] = set()
        self._leftovers = Leftovers(spool)
        self.uplink = Uplink(settings, metrics, traces)

    async def run(self) -> None:
        """Forward until cancelled; what was under way is then still in the spool."""
        chores = [
            asyncio.create_task(self._leftovers.run()),
            asyncio.create_task(self._begin_released()),
        ]
        try:
            async for entry in self._entries():
                await self._begin(entry)
        finally:
            ending = [*chores, *self._under_way]
            for task in ending:
                task.cancel()
            await asyncio.gather(*ending, return_exceptions=True)

    async def drained(self) -> None:
        """Return when nothing is in the spool but damaged mail, and nothing is under way."""
        while self._spool.messages > len(self._spool.held | self._not_held) or self._under_way:
            if self._under_way:
                await asyncio.wait(self._under_way, return_when=asyncio.FIRST_COMPLETED)
            else:
                await asyncio.sleep(0.02)

    async def _begin(self, entry: SpoolEntry) -> None:
        await self._slots.acquire()
        task = asyncio.create_task(self._forward(entry))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _begin_released(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            for entry in await self._spool.released() if self._spool.held else ():
                log.info("released", id=entry.id)
                await self._begin(entry)

    async def _entries(self) -> AsyncIterator[SpoolEntry]:
        last = 0
        while True:
            self._spool.arrival.clear()
            entries = await self._spool.next_entries(last, self._page)
            for entry in entries:
                last = entry.seq
                yield entry
            if not entries:
                await self._spool.arrival.wait()

    async def _forward(self, entry: SpoolEntry) -> None:
        try:
            await self.uplink.put(self._outbox, entry)
            self._spool.departures.tell(entry.id)
            await self._spool.remove(entry)
            self._metrics.forwarded.inc()
            log.info("queued", id=entry.id, size=entry.size)
        except (BadTicket, OSError) as error:
            await self._hold(entry, error)
        except SpoolUnavailable as error:
            # The mail is in the queue; a second ticket after the next start does no harm.
            self._leftovers.add(entry, str(error))
        finally:
            self._slots.release()

    async def _hold(self, entry: SpoolEntry, error: Exception) -> None:
        log.error("held", id=entry.id, reason=f"{type(error).__name__}: {error}")
        self._metrics.spool_held.inc()
        try:
            await self._spool.hold(entry, str(error))
        except SpoolUnavailable as fault:
            # It is still in the spool, and the next start tries it again.
            self._not_held.add(entry.seq)
            log.error("not_held", id=entry.id, reason=str(fault))


async def hand_over(outbox: Outbox, entry: SpoolEntry, traces: Traces | None) -> None:
    """Put one mail into the storage account: in its ticket when it fits, else in a blob first.

    Raises OutboxUnavailable; BadTicket or OSError when the entry itself is damaged.
    """
    ticket = decode(entry.ticket)
    with _span(ticket, entry, traces):
        inline = put_inline(ticket, entry.octets) if entry.octets is not None else None
        if inline is None:
            ticket = _on_time(ticket, datetime.now(UTC))
            await _put_content(_blob_of(ticket), entry, outbox)
        await outbox.put_ticket(encode(inline or ticket))


def _span(
    ticket: Ticket, entry: SpoolEntry, traces: Traces | None
) -> AbstractContextManager[Span | None]:
    if traces is None:
        return _NO_SPAN
    return traces.begin("forward", ticket.trace, id=ticket.id, size=entry.size)


def _on_time(ticket: Ticket, now: datetime) -> Ticket:
    """`ticket`, with a blob of today where the mail is old.

    What an earlier try has put may be removed as nobody's at this very moment.
    """
    if now - ticket.received_at < _LATE:
        return ticket
    blob = late_blob_name_of(ticket.id, now)
    return ticket.model_copy(update={"content": ticket.content.model_copy(update={"blob": blob})})


def _blob_of(ticket: Ticket) -> str:
    if ticket.content.blob is None:
        raise BadTicket("content.blob: missing in a spooled ticket")
    return ticket.content.blob


async def _put_content(blob: str, entry: SpoolEntry, outbox: Outbox) -> None:
    if entry.octets is not None:
        await outbox.put_content(blob, entry.octets, entry.size)
        return
    entry.file.stat()
    # Closed here: an upload that breaks off leaves its file open.
    async with aclosing(_pieces_of(entry)) as pieces:
        await outbox.put_content(blob, pieces, entry.size)


async def _pieces_of(entry: SpoolEntry) -> AsyncGenerator[bytes, None]:
    with entry.file.open("rb") as file:
        while piece := await asyncio.to_thread(file.read, _PIECE):
            yield piece
