"""The commands of SMTP, one method each: ask policy, change the state, answer with a Reply.

A dialog begins with the connection, and anew with STARTTLS. It writes nothing itself but what
comes before the reply of a command (prompts, 354, the lines of EHLO).
"""

import time
from collections.abc import Awaitable, Callable

import structlog

from edge import policy, replies
from edge.listener.chunk_reader import read_chunk_size
from edge.listener.content import discard
from edge.listener.reception import Reception
from edge.listener.sign_in import Credentials, ask_credentials, verify
from edge.listener.transaction import Transaction
from edge.listener.wire import ConnectionEnded, Wire
from edge.paths import read_mail, read_recipient
from edge.policy import Refusal
from edge.replies import Reply
from edge.settings import Device
from edge.strangers import Stranger

_LONGEST_COMMAND = 2048
_MOST_FRUITLESS = 100
"""Commands without a mail before a session is closed, so that none is held open for nothing."""
log = structlog.get_logger()


class Dialog:
    """What has been said on one connection, and what follows from the next command."""

    def __init__(self, wire: Wire, reception: Reception) -> None:
        self._wire = wire
        self._reception = reception
        self._hello_name: str | None = None
        self._device: Device | None = None
        self._failed_sign_ins = 0
        self._fruitless = 0
        self._transaction: Transaction | None = None
        self._stranger: Stranger | None = None

    @property
    def in_transaction(self) -> bool:
        return self._transaction is not None

    def transaction_began(self, now: float) -> float:
        """When the transaction under way began; `now` without one."""
        return self._transaction.began if self._transaction else now

    async def obey(self, line: bytes) -> Reply | None:
        """Do what `line` says; None when everything has been said already."""
        verb, *words = line.split(None, 1) or (b"",)
        command = _COMMANDS.get(verb.upper())
        if command is None:
            return replies.UNKNOWN_COMMAND
        if len(line) > _LONGEST_COMMAND and command is not Dialog._auth:
            return replies.LINE_TOO_LONG
        self._fruitless += command in _FRUITLESS
        if self._fruitless > _MOST_FRUITLESS:
            self._wire.end_after_reply()
            return replies.TOO_MANY_COMMANDS
        argument = words[0].strip().decode("utf-8", "surrogateescape") if words else ""
        try:
            return await command(self, argument)
        except (ConnectionEnded, ConnectionError):
            raise
        except Exception:
            # A fault of ours is not the client's: it shall keep the mail and come back.
            log.exception("internal_fault", command=verb.decode("ascii"), **self._who)
            self.end_transaction()
            return replies.INTERNAL_FAULT

    def end_transaction(self) -> None:
        """Leave nothing behind of a mail that was not kept."""
        if self._transaction is not None:
            self._transaction.end()
            self._transaction = None
        if self._stranger is not None:
            self._reception.strangers.note(self._stranger, self._reception.now())
            self._stranger = None

    async def _ehlo(self, argument: str) -> Reply | None:
        fault = self._hello(argument)
        if fault is None:
            hostname = self._reception.settings.hostname
            self._wire.say(replies.extended_hello(hostname, self._extensions()))
        return fault

    async def _helo(self, argument: str) -> Reply:
        return self._hello(argument) or replies.hello(self._reception.settings.hostname)

    def _hello(self, argument: str) -> Reply | None:
        if not argument and self._reception.listener.profile == "strict":
            return replies.BAD_SYNTAX
        self._hello_name = argument
        self.end_transaction()
        return None

    def _extensions(self) -> list[str]:
        size = f"SIZE {self._reception.limits.message_size}"
        extensions = ["PIPELINING", size, "8BITMIME", "SMTPUTF8", "CHUNKING", "ENHANCEDSTATUSCODES"]
        if self._reception.listener.tls == "starttls" and not self._wire.is_encrypted:
            extensions.append("STARTTLS")
        if policy.check_sign_in(self._client) is None:
            extensions.append("AUTH PLAIN LOGIN")
        return extensions

    async def _starttls(self, argument: str) -> Reply | None:
        if argument:
            return replies.BAD_SYNTAX
        if self._wire.is_encrypted:
            return replies.NOT_NOW
        if self._reception.listener.tls != "starttls":
            return replies.NOT_OFFERED
        await self._wire.start_tls()
        return None

    async def _auth(self, argument: str) -> Reply:
        if self._hello_name is None:
            return replies.SAY_HELLO_FIRST
        if self._transaction is not None:
            return replies.NOT_NOW
        fault = policy.check_sign_in(self._client)
        if fault is not None:
            return fault
        credentials = await ask_credentials(self._wire, argument)
        if isinstance(credentials, Reply):
            return credentials
        return await self._sign_in(credentials)

    async def _sign_in(self, credentials: Credentials) -> Reply:
        if credentials.are_blank and self._client.device is not None:
            return replies.SIGNED_IN  # blanks from a known network: as good as no sign-in
        outcome = await verify(credentials, self._wire, self._reception)
        if isinstance(outcome, Device):
            self._device = outcome
            return replies.SIGNED_IN
        self._failed_sign_ins += 1
        if outcome == replies.TOO_MANY_SIGN_INS:
            self._wire.end_after_reply()
        elif self._failed_sign_ins >= self._reception.limits.failed_sign_ins:
            self._wire.say(outcome)
            self._wire.end_after_reply()
            return replies.TOO_MANY_ERRORS
        return outcome

    async def _mail(self, argument: str) -> Reply:
        if self._hello_name is None:
            return replies.SAY_HELLO_FIRST
        self.end_transaction()
        client = self._client
        refusal = policy.check_client(client)
        if refusal == policy.UNKNOWN and self._is_learning():
            return self._meet_stranger(argument)
        if refusal is not None or client.device is None:
            return self._refuse(refusal or policy.UNKNOWN)
        mail = read_mail(argument)
        if isinstance(mail, Reply):
            return self._refuse(Refusal("address", mail))
        device = client.device
        refusal = policy.check_reverse_path(
            device, mail.reverse_path, mail.size, self._reception.limits
        )
        if refusal is not None:
            return self._refuse(refusal)
        if not self._reception.spool.has_room_for(mail.size):
            return self._refuse(Refusal("spool", replies.SPOOL_FULL))
        now = time.monotonic()
        if device.rate and (wait := self._reception.allowances.take(device.name, device.rate, now)):
            return self._refuse(Refusal("devices[].rate", replies.rate_exceeded(wait)))
        self._transaction = Transaction(mail, device, now)
        return replies.SENDER_OK

    async def _rcpt(self, argument: str) -> Reply:
        transaction = self._transaction
        if transaction is None and self._stranger is None:
            return replies.NEED_MAIL
        if transaction is not None and transaction.intake is not None:
            return replies.NOT_NOW
        smtputf8 = transaction is None or transaction.mail.smtputf8
        path = read_recipient(argument, smtputf8=smtputf8)
        if isinstance(path, Reply):
            return self._refuse(Refusal("address", path))
        if self._stranger is not None:
            self._stranger.domains.add(path.rpartition("@")[2].casefold())
            return self._refuse(Refusal("learning", replies.NOTED_STRANGER))
        assert transaction is not None  # there is one or the other
        refusal = transaction.add(path, self._reception.limits)
        return self._refuse(refusal) if refusal is not None else replies.RECIPIENT_OK

    async def _data(self, argument: str) -> Reply:
        transaction = self._transaction
        if transaction is None:
            return replies.NEED_MAIL
        if not transaction.forward_paths:
            return replies.NEED_RECIPIENT
        if argument:
            return replies.BAD_SYNTAX
        if transaction.intake is not None:
            return replies.NOT_NOW
        return self._conclude(await transaction.receive_data(self._wire, self._reception))

    async def _bdat(self, argument: str) -> Reply:
        chunk = read_chunk_size(argument)
        if chunk is None:
            # Nobody knows where this content ends: nothing behind it may be taken for a command.
            self._wire.end_after_reply()
            return replies.BAD_SYNTAX
        octets, is_last = chunk
        transaction = self._transaction
        if transaction is None or not transaction.forward_paths:
            await discard(self._wire, octets, self._reception.limits.message_size)
            return replies.NEED_MAIL if transaction is None else replies.NEED_RECIPIENT
        outcome = await transaction.receive_chunk(self._wire, self._reception, octets, is_last)
        return replies.chunk_taken(octets) if outcome is None else self._conclude(outcome)

    def _conclude(self, outcome: Reply | Refusal) -> Reply:
        self.end_transaction()
        if isinstance(outcome, Refusal):
            return self._refuse(outcome)
        self._fruitless = 0
        return outcome

    async def _rset(self, argument: str) -> Reply:
        self.end_transaction()
        return replies.OK

    async def _noop(self, argument: str) -> Reply:
        return replies.OK

    async def _vrfy(self, argument: str) -> Reply:
        return replies.CANNOT_VERIFY

    async def _help(self, argument: str) -> Reply:
        return replies.HELP

    async def _quit(self, argument: str) -> Reply:
        self._wire.end_after_reply()
        return replies.BYE

    @property
    def _client(self) -> policy.Client:
        devices = self._reception.settings.devices
        return policy.Client(
            address=self._wire.address,
            listener=self._reception.listener,
            encrypted=self._wire.is_encrypted,
            device=self._device or policy.device_at(devices, self._wire.address),
            signed_in=self._device is not None,
        )

    @property
    def _who(self) -> dict[str, str]:
        return {"listener": self._reception.listener.name, "peer": str(self._wire.address)}

    def _is_learning(self) -> bool:
        reception = self._reception
        return policy.is_learning(reception.settings.learning, self._wire.address, reception.now())

    def _meet_stranger(self, argument: str) -> Reply:
        mail = read_mail(argument)
        if isinstance(mail, Reply):
            return self._refuse(Refusal("address", mail))
        listener, peer = self._who.values()
        self._stranger = Stranger(listener, peer, self._hello_name or "", mail.reverse_path)
        return replies.SENDER_OK

    def _refuse(self, refusal: Refusal) -> Reply:
        rule, reply = refusal
        self._reception.metrics.mails.labels(self._reception.listener.name, rule).inc()
        log.info("refused", rule=rule, reply=f"{reply.code} {reply.enhanced}", **self._who)
        return reply


_COMMANDS: dict[bytes, Callable[[Dialog, str], Awaitable[Reply | None]]] = {
    b"EHLO": Dialog._ehlo,
    b"HELO": Dialog._helo,
    b"STARTTLS": Dialog._starttls,
    b"AUTH": Dialog._auth,
    b"MAIL": Dialog._mail,
    b"RCPT": Dialog._rcpt,
    b"DATA": Dialog._data,
    b"BDAT": Dialog._bdat,
    b"RSET": Dialog._rset,
    b"NOOP": Dialog._noop,
    b"VRFY": Dialog._vrfy,
    b"HELP": Dialog._help,
    b"QUIT": Dialog._quit,
}
_FRUITLESS = frozenset(
    _COMMANDS[verb]
    for verb in (b"EHLO", b"HELO", b"AUTH", b"MAIL", b"RSET", b"NOOP", b"VRFY", b"HELP")
)
