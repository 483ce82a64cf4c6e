"""From 354, or the first BDAT, to 250: read a mail's content into the spool.

The 250 is a promise, and this is the one place that makes it.
"""

import asyncio
from contextlib import nullcontext
from datetime import datetime
from functools import cached_property

import structlog

from edge import policy, replies
from edge.listener.chunk_reader import ChunkReader
from edge.listener.dot_reader import DotReader
from edge.listener.line_ends import with_crlf
from edge.listener.reception import Reception
from edge.listener.wire import Wire
from edge.paths import MailFrom
from edge.policy import Refusal
from edge.replies import Reply
from edge.settings import Limits
from edge.spool import Draft, SpoolFull, SpoolUnavailable
from handoff.ids import new_id, time_of
from handoff.letterhead import Letterhead
from handoff.traces import Span

_OVERRUN = 1024 * 1024
"""How much above the limit a chunk may be and is still read."""
_NO_WAIT = nullcontext()
log = structlog.get_logger()


class Intake:
    """One mail's content on its way in. Ends by `abandon`, or by what `keep` answers."""

    def __init__(self, wire: Wire, reception: Reception, mail: MailFrom, octets: int = 0) -> None:
        """`octets` are known to come, whatever `mail` announced."""
        self._wire = wire
        self._reception = reception
        self._mail = mail
        self._id = new_id(reception.now())
        self._draft: Draft | None = reception.spool.draft(self._id, max(mail.size, octets))
        self._normalises = reception.listener.profile == "legacy"
        self._limit = reception.limits.message_size
        self._size = 0
        self._fault: Refusal | None = None

    @cached_property
    def _chunks(self) -> ChunkReader:
        return ChunkReader()

    async def read_data(self) -> Refusal | None:
        """Read to the end of the content, even when a Refusal is the answer.

        A client that is cut while it sends takes that for a fault of the network, and tries for
        ever. The limit on a transaction's time holds for it, too. Raises ConnectionEnded.
        """
        reader = DotReader()
        while not reader.has_ended:
            piece = reader.feed(await self._wire.next_chunk())
            await self._take(piece, reader.has_bare_line_ends)
        # A client that pipelines has sent its next commands behind the end.
        self._wire.put_back(reader.rest)
        return self._judge(reader.has_bare_line_ends, self._size)

    async def read_chunk(self, octets: int, *, is_last: bool) -> Refusal | None:
        """Read one chunk of BDAT, all of it. Raises ConnectionEnded."""
        if self._size + octets > self._limit:
            await discard(self._wire, octets, self._reception.limits)
            return self._judge(is_bare=False, size=self._size + octets)
        while octets:
            arrived = await self._wire.next_chunk(octets)
            octets -= len(arrived)
            await self._take(self._chunks.feed(arrived), self._chunks.has_bare_line_ends)
        if is_last:
            rest = self._chunks.end()
            await self._take(rest, self._chunks.has_bare_line_ends)
        return self._judge(self._chunks.has_bare_line_ends, self._size)

    async def keep(self, forward_paths: list[str], letterhead: Letterhead) -> Reply | Refusal:
        """Make the mail durable, and say so."""
        draft = self._draft
        assert draft is not None  # kept or abandoned only once
        span = self._begun_span()
        began = self._reception.now()
        received_at = began.isoformat(timespec="milliseconds")[: -len("+00:00")] + "Z"
        ticket = letterhead.ticket(
            self._id,
            received_at,
            self._mail.reverse_path,
            forward_paths,
            smtputf8=self._mail.smtputf8,
            size=draft.size,
            sha256=draft.sha256,
            trace=span.traceparent if span is not None else "",
        )
        # From here on it is the spool's: what is being committed must not be abandoned.
        self._draft = None
        spool = self._reception.spool
        waits = self._reception.settings.acknowledge == "queued"
        with spool.departures.awaited(self._id) if waits else _NO_WAIT as has_left:
            try:
                await spool.accept(draft, ticket)
            except SpoolUnavailable as error:
                return self._spool_fault(error)
            if span is not None:
                span.end()
            self._tell(letterhead, len(forward_paths), began, received_at)
            if has_left is not None:
                await self._wait_for_the_queue(has_left)
        return replies.queued(self._id)

    async def _wait_for_the_queue(self, has_left: asyncio.Event) -> None:
        """Not longer than is set: the mail is safe already."""
        try:
            async with asyncio.timeout(self._reception.settings.acknowledge_wait):
                await has_left.wait()
        except TimeoutError:
            log.info("acknowledged_early", id=self._id)

    def abandon(self) -> None:
        """Leave nothing behind of what was not kept."""
        if self._draft is not None:
            self._draft.abandon()
            self._draft = None

    async def _take(self, piece: bytes, is_bare: bool) -> None:
        if is_bare and self._normalises:
            piece = with_crlf(piece)
        self._size += len(piece)
        if self._fault is not None or self._size > self._limit or self._draft is None:
            return
        try:
            rest = self._draft.take(piece)
            if rest is not None:
                await rest
        except SpoolUnavailable as error:
            self._fault = self._spool_fault(error)

    def _judge(self, is_bare: bool, size: int) -> Refusal | None:
        return self._fault or policy.check_content(
            size, is_bare, self._reception.listener, self._reception.limits
        )

    def _begun_span(self) -> Span | None:
        """Of the time since the content began to come."""
        traces, name = self._reception.traces, self._reception.listener.name
        if traces is None:
            return None
        since = time_of(self._id)
        return traces.begin("receive", since=since, id=self._id, size=self._size, listener=name)

    def _tell(
        self, letterhead: Letterhead, recipients: int, began: datetime, received_at: str
    ) -> None:
        reception, client = self._reception, letterhead.client
        reception.sightings.saw(letterhead.device, client, began)
        reception.accepted.inc()
        reception.metrics.mail_size.observe(self._size)
        took = reception.now() - began
        reception.metrics.accept_seconds.observe(took.total_seconds())
        log.info(
            "spooled",
            id=self._id,
            device=letterhead.device,
            listener=client.listener,
            peer=client.address,
            size=self._size,
            recipients=recipients,
            received_at=received_at,
        )

    def _spool_fault(self, error: SpoolUnavailable) -> Refusal:
        log.error("spool_fault", reason=str(error), listener=self._reception.listener.name)
        is_full = isinstance(error, SpoolFull)
        return Refusal("spool", replies.SPOOL_FULL if is_full else replies.SPOOL_UNAVAILABLE)


async def discard(wire: Wire, octets: int, limits: Limits) -> Reply | None:
    """Read a chunk of BDAT that nobody wants, or end the session when that would take too long.

    There need not be a transaction whose time is limited: a Reply when it took as much.
    """
    if octets > limits.message_size + _OVERRUN:
        wire.end_after_reply()
        return None
    try:
        async with asyncio.timeout(limits.transaction_timeout):
            while octets:
                octets -= len(await wire.next_chunk(octets))
    except TimeoutError:
        wire.end_after_reply()
        return replies.TRANSACTION_TOO_LONG
    return None
