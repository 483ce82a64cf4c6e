"""One connection: octets in, lines and chunks out, replies back, and when to give up.

A subclass of aiosmtpd's protocol, which brings the streams and STARTTLS. The dialog itself is
ours: aiosmtpd 1.4.6 answers a fault of the server with `500` and its text, logs credentials, cuts
DATA at a fixed time and reads it line by line. docs/smtp.md lists what is different and why.
"""

import asyncio
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

import structlog
from aiosmtpd.proxy_protocol import V2_CMD, get_proxy
from aiosmtpd.smtp import SMTP, TLSSetupException

from edge import replies
from edge.listener.dialog import Dialog
from edge.listener.reception import Reception
from edge.listener.wire import CHUNK, ConnectionEnded
from edge.policy import Address
from edge.replies import Reply

_LONGEST_LINE = 12_288  # RFC 4954 §4: what a line of an AUTH exchange may take
_LONGEST_OVERRUN = 1024 * 1024
HANDSHAKE_SECONDS = 10
log = structlog.get_logger()


class Connection(SMTP):
    """The wire under a dialog."""

    def __init__(self, reception: Reception) -> None:
        # Not SMTP.__init__: for each connection it inspects the whole class and resolves the
        # host name. These are the attributes that the methods we use of it need.
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=CHUNK, loop=loop)
        asyncio.StreamReaderProtocol.__init__(self, reader, self._cb_client_connected, loop)
        self.loop = loop
        self.transport = None
        self.session = None
        self.tls_context = reception.tls
        self._handle_hooks: dict[str, Any] = {}
        self._handler_coroutine: asyncio.Task[None] | None = None
        self._original_transport: asyncio.BaseTransport | None = None
        self._tls_protocol = None
        self._timeout_handle: asyncio.TimerHandle | None = None
        self._reception = reception
        self._last_progress = loop.time()
        self._is_busy = False
        self._is_over = False
        self._refusals = 0
        self.address: Address = IPv4Address(0)
        self.dialog = Dialog(self, reception)

    # The wire, as the dialog sees it.

    @property
    def is_encrypted(self) -> bool:
        return self._tls_protocol is not None or self._reception.listener.tls == "implicit"

    @property
    def ended(self) -> "asyncio.Future[None]":
        assert self._handler_coroutine is not None  # made with the connection
        return self._handler_coroutine

    def say(self, answer: Reply | bytes) -> None:
        if isinstance(answer, Reply):
            self._refusals += answer.code >= 500
            answer = bytes(answer)
        if self.transport is not None and not self.transport.is_closing():
            self._writer.write(answer)

    def end_after_reply(self) -> None:
        self._is_over = True

    async def next_line(self) -> bytes | Reply:
        skipped = 0
        while True:
            try:
                line = await self._reader.readuntil(b"\n")
            except asyncio.LimitOverrunError as error:
                skipped += len(await self._reader.readexactly(error.consumed))
                if skipped > _LONGEST_OVERRUN:
                    raise ConnectionEnded from error
            except asyncio.IncompleteReadError as error:
                raise ConnectionEnded from error
            else:
                break
        self._reset_timeout()
        if skipped or len(line) > _LONGEST_LINE:
            return replies.LINE_TOO_LONG
        return line.rstrip(b"\r\n")

    async def next_chunk(self, most: int = CHUNK) -> bytes:
        chunk = await self._reader.read(min(most, CHUNK))
        if not chunk:
            raise ConnectionEnded
        self._reset_timeout()
        return chunk

    def put_back(self, octets: bytes) -> None:
        self._reader._buffer[0:0] = octets  # type: ignore[attr-defined]

    async def start_tls(self) -> None:
        try:
            async with asyncio.timeout(HANDSHAKE_SECONDS):
                await self.smtp_STARTTLS("")
        except (TLSSetupException, TimeoutError) as error:
            raise ConnectionEnded from error

    def wind_up(self) -> None:
        if not self._is_busy and not self.dialog.in_transaction:
            self.say(replies.SHUTTING_DOWN)
            self.abort()

    def abort(self) -> None:
        self._is_over = True
        if self.transport is not None:
            self.transport.close()

    # What aiosmtpd calls.

    async def push(self, status: str | bytes) -> None:
        # Only STARTTLS still speaks through it, to say that the handshake may begin.
        self.say(replies.READY_FOR_TLS)
        await self._writer.drain()

    def _set_rset_state(self) -> None:
        # Called when a connection begins, in clear and again in TLS: a new dialog that knows
        # nothing of the one before (RFC 3207 §4.2).
        self.dialog.end_transaction()
        self.dialog = Dialog(self, self._reception)

    def eof_received(self) -> bool:
        # What was sent before the end of the stream is still obeyed, and answered if possible.
        self._reader.feed_eof()
        return not self.is_encrypted

    def connection_lost(self, error: Exception | None) -> None:
        self._is_over = True
        super().connection_lost(error)

    def _reset_timeout(self, duration: float | None = None) -> None:
        self._last_progress = self.loop.time()
        if self._timeout_handle is None:
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
        is_in_handshake = self._writer.transport is not self.transport
        if not is_in_handshake:
            self.say(replies.IDLE_TOO_LONG if idle_left <= 0 else replies.TRANSACTION_TOO_LONG)
        self.abort()

    async def _handle_client(self) -> None:
        try:
            if await self._find_address():
                await self._meet()
        except (ConnectionEnded, ConnectionError):
            pass
        except Exception:
            # Nobody else would hear of it: asyncio forgets the fault when it cancels the task.
            log.exception("internal_fault", peer=str(self.address))
        finally:
            self.dialog.end_transaction()
            self.abort()

    # From the first octet to the last.

    def _watch(self, seconds: float) -> None:
        self._timeout_handle = self.loop.call_later(seconds, self._timeout_cb)

    async def _find_address(self) -> bool:
        peer = self.session.peer if self.session else None
        self.address = _plain(peer[0] if peer else "0.0.0.0")
        listener = self._reception.listener
        if not listener.proxy_protocol:
            return True
        if not any(self.address in network for network in listener.trusted_proxies):
            log.warning("untrusted_proxy", listener=listener.name, peer=str(self.address))
            return False
        proxied = await get_proxy(self._reader)
        if proxied.valid and proxied.command == V2_CMD.LOCAL:
            return True  # the proxy on its own behalf, to see whether we live
        if not proxied.valid or not isinstance(proxied.src_addr, Address):
            log.warning("bad_proxy_header", listener=listener.name, peer=str(self.address))
            return False
        self.address = _plain(str(proxied.src_addr))
        return True

    async def _meet(self) -> None:
        reception = self._reception
        taken = reception.crowd.enter(self.address, reception.limits)
        result = "taken" if taken else "refused"
        reception.metrics.connections.labels(reception.listener.name, result).inc()
        if not taken:
            self.say(replies.TOO_MANY_CONNECTIONS)
            return
        reception.connections.add(self)
        reception.metrics.connections_open.inc()
        try:
            await self._converse()
        finally:
            reception.metrics.connections_open.dec()
            reception.connections.discard(self)
            reception.crowd.leave(self.address)

    async def _converse(self) -> None:
        self.say(replies.greeting(self._reception.settings.hostname))
        while not self._is_over:
            line = await self.next_line()
            self._is_busy = True
            reply = line if isinstance(line, Reply) else await self.dialog.obey(line)
            self._is_busy = False
            if reply is not None:
                self.say(reply)
                if self._writer.transport.get_write_buffer_size():
                    await self._writer.drain()
            if self._refusals > self._reception.limits.command_errors:
                self.say(replies.TOO_MANY_ERRORS)
                return
            if self._reception.is_closing:
                self.wind_up()


def _plain(text: str) -> Address:
    address = ip_address(text.partition("%")[0])
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
