"""One connection: octets in, lines and chunks out, replies back, and when to give up.

A subclass of aiosmtpd's protocol, which brings the streams. The dialog itself is ours: aiosmtpd
1.4.6 answers a fault of the server with `500` and its text, logs credentials, cuts DATA at a
fixed time and reads it line by line. docs/smtp.md lists what is different and why.

A command is obeyed where its octets arrive; only one that has to wait goes to the session's task.
"""

import asyncio
import sys
from collections.abc import Callable
from functools import lru_cache, partial
from ipaddress import IPv4Address
from typing import Any

import structlog
from aiosmtpd.smtp import SMTP

from edge import replies
from edge.listener.arrivals import Arrivals
from edge.listener.dialog import Answer, Dialog, Patient
from edge.listener.handshake import HandshakeFailed, shake_hands
from edge.listener.origin import find_origin
from edge.listener.parting import part_from
from edge.listener.reception import Reception
from edge.listener.wire import CHUNK, ConnectionEnded
from edge.policy import Address
from edge.replies import Reply

_MOST_AT_ONCE = 32
"""Commands that one client has obeyed before others get their turn."""
log = structlog.get_logger()
_octets = lru_cache(64)(bytes)
"""Of a reply: all but a few are said again and again."""


class Connection(SMTP):
    """The wire under a dialog."""

    transport: asyncio.Transport | None
    dialog: Dialog
    _reader: Arrivals

    def __init__(self, reception: Reception) -> None:
        # Not SMTP.__init__, which inspects the whole class and resolves the host name each time:
        # only the attributes that the methods we use of it need.
        loop = asyncio.get_running_loop()
        self._reader = Arrivals(loop)
        asyncio.StreamReaderProtocol.__init__(self, self._reader, loop=loop)
        self.loop = loop
        self.transport = None  # before the connection is made, and when it is lost
        self.session = None
        self._handle_hooks: dict[str, Any] = {}
        self._handler_coroutine: asyncio.Task[None] | None = None
        self._original_transport: asyncio.BaseTransport | None = None
        self._timeout_handle: asyncio.TimerHandle | None = None
        self._reception = reception
        self._last_progress = loop.time()
        self._command: Patient | None = None
        """What the session's task is at, or is to do next."""
        self._work: asyncio.Future[None] | None = None
        """What the session's task waits for while there is no such command."""
        self._unsent: list[bytes] = []
        self._is_last = False
        self._is_choked = False
        self._is_in_handshake = False
        self._refusals = 0
        self.address: Address = IPv4Address(0)
        self.is_encrypted = False

    # The wire, as the dialog sees it.

    @property
    def tls_version(self) -> str:
        session = self.transport.get_extra_info("ssl_object") if self.transport else None
        return (session.version() or "") if session else ""

    @property
    def ended(self) -> "asyncio.Future[None]":
        assert self._handler_coroutine is not None  # made with the connection
        return self._handler_coroutine

    def say(self, answer: Reply | bytes) -> None:
        if isinstance(answer, Reply):
            self._refusals += answer.code >= 500
            answer = _octets(answer)
        if not self._unsent:
            self._reception.outgoing.add(self._send)
        self._unsent.append(answer)

    def end_after_reply(self) -> None:
        self._is_last = True

    async def next_line(self) -> bytes | Reply:
        line = await self._reader.next_line()
        self._last_progress = self.loop.time()
        return line

    async def next_chunk(self, most: int = CHUNK) -> bytes:
        most = min(most, CHUNK)
        chunk = self._reader.take_chunk(most) or await self._reader.next_chunk(most)
        self._last_progress = self.loop.time()
        return chunk

    def put_back(self, octets: bytes) -> None:
        self._reader.put_back(octets)

    async def start_tls(self) -> None:
        self.say(replies.READY_FOR_TLS)
        self._send()
        # Before the handshake, not after it: its last octets may bring the first command.
        self._reader.forget()
        await self._encrypt()
        # The dialog begins anew (RFC 3207 §4.2).
        self.dialog.end_transaction()
        self._set_rset_state()

    def wind_up(self) -> None:
        if self._command is None and not self.dialog.in_transaction:
            self.say(replies.SHUTTING_DOWN)
            self.abort()

    def abort(self) -> None:
        self._is_last = True
        self._wake()
        self._send()
        if self.transport is not None:
            part_from(self.transport)

    # What the event loop and aiosmtpd call.
    def _set_rset_state(self) -> None:
        # Called when a connection begins.
        self.dialog = Dialog(self, self._reception)

    def data_received(self, octets: bytes) -> None:
        self._reader.feed_data(octets)
        self._obey_lines()

    def eof_received(self) -> bool:
        # What was sent before the end of the stream is still obeyed, and answered if possible.
        self._reader.feed_eof()
        self._obey_lines()
        return not self.is_encrypted

    def connection_lost(self, error: Exception | None) -> None:
        self._reader.has_ended = True
        # Without the error: it leads to its handshake, and would keep TLS in memory for long.
        super().connection_lost(None)
        self.abort()

    def pause_writing(self) -> None:
        self._is_choked = True
        super().pause_writing()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._is_choked = False
        self._obey_lines()

    def _reset_timeout(self, duration: float | None = None) -> None:
        # Called when a connection begins.
        limits = self._reception.limits
        self._watch(min(limits.idle_timeout, limits.transaction_timeout))

    def _timeout_cb(self) -> None:
        now, limits = self.loop.time(), self._reception.limits
        idle_left = self._last_progress + limits.idle_timeout - now
        transaction_left = self.dialog.transaction_began(now) + limits.transaction_timeout - now
        left = min(idle_left, transaction_left)
        if left > 0:
            self._watch(left)
            return
        if not self._is_in_handshake:
            self.say(replies.IDLE_TOO_LONG if idle_left <= 0 else replies.TRANSACTION_TOO_LONG)
        self.abort()

    async def _handle_client(self) -> None:
        try:
            peer = self.session.peer[0] if self.session and self.session.peer else "0.0.0.0"
            origin = await find_origin(peer, self._reception.listener, self._reader)
            if origin is not None:
                self.address = origin
                await self._meet()
        except (ConnectionEnded, ConnectionError):
            pass
        except Exception:
            # Nobody else would hear of it: asyncio forgets the fault when it cancels the task.
            log.exception("internal_fault", peer=str(self.address))
        finally:
            if self._command is not None:
                self._command.close()
            self.dialog.end_transaction()
            self.abort()
            # Of a connection that ends in its handshake nobody says that it is lost, and TLS
            # takes too much memory to be left for the collector.
            assert self._timeout_handle is not None  # since the connection was made
            self._timeout_handle.cancel()
            self.transport = None

    # From the first octet to the last.

    def _send(self) -> None:
        unsent, self._unsent = self._unsent, []
        if unsent and self.transport is not None and not self.transport.is_closing():
            self.transport.write(b"".join(unsent))

    def _watch(self, seconds: float) -> None:
        self._timeout_handle = self.loop.call_later(seconds, self._timeout_cb)

    async def _meet(self) -> None:
        reception = self._reception
        if not reception.crowd.enter(self.address, reception.limits):
            reception.turned_away.inc()
            if not self._begins_with_tls:
                self.say(replies.TOO_MANY_CONNECTIONS)
            return
        reception.let_in.inc()
        reception.connections.add(self)
        reception.metrics.connections_open.inc()
        try:
            if self._begins_with_tls:
                await self._encrypt(partial(self._reader.take_chunk, sys.maxsize))
            await self._converse()
        finally:
            reception.metrics.connections_open.dec()
            reception.connections.discard(self)
            reception.crowd.leave(self.address)

    async def _converse(self) -> None:
        self.say(replies.greeting(self._reception.settings.hostname))
        while not self._is_last:
            self._work = self.loop.create_future()
            self._obey_lines()
            await self._work
            self._work = None
            if self._command is not None:
                reply = await self.dialog.finish(self._command)
                self._command = None
                self._answer(reply)

    def _obey_lines(self) -> None:
        """Obey what has come in, up to a command that has to wait."""
        for _ in range(_MOST_AT_ONCE):
            if self._work is None or self._command is not None or self._is_choked:
                return  # whoever ends that state looks again
            if self.dialog.awaits_content:
                if self._reader.has_more:
                    self._begin(self.dialog.receive_content())
                return
            try:
                line = self._reader.take_line()
            except ConnectionEnded:
                line, self._reader.has_ended = None, True
            if line is None:
                if self._reader.has_ended:
                    self.abort()
                return
            self._last_progress = self.loop.time()
            self._begin(line if isinstance(line, Reply) else self.dialog.obey(line))
            if self._is_last or not self._reader.has_more:
                return
        self.loop.call_soon(self._obey_lines)

    def _begin(self, answer: Answer) -> None:
        if answer is None or isinstance(answer, Reply):
            self._answer(answer)
        else:
            self._command = answer
            self._wake()

    def _wake(self) -> None:
        if self._work is not None and not self._work.done():
            self._work.set_result(None)

    def _answer(self, reply: Reply | None) -> None:
        if reply is not None:
            self.say(reply)
        if self._refusals > self._reception.limits.command_errors:
            self.say(replies.TOO_MANY_ERRORS)
            self.abort()
        elif self._is_last:
            self.abort()
        elif self._reception.is_closing:
            self.wind_up()

    @property
    def _begins_with_tls(self) -> bool:
        return self._reception.listener.tls == "implicit"

    async def _encrypt(self, take_begun: Callable[[], bytes] | None = None) -> None:
        self._is_in_handshake = True
        try:
            tls = self._reception.tls
            self.transport = await shake_hands(self.transport, self, tls, take_begun)
        except HandshakeFailed as fault:
            name, peer = self._reception.listener.name, str(self.address)
            log.info("handshake_failed", listener=name, peer=peer, reason=str(fault))
            raise ConnectionEnded from fault
        self._is_in_handshake = False
        self._reader.come_from(self.transport)
        self.is_encrypted = True
