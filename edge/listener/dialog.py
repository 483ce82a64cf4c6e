"""The commands of SMTP, one method each: ask policy, change the state, answer with a Reply.

A command that need not wait answers at once; one that must (for octets, a disk, a password check)
is a coroutine. A dialog begins with the connection, and anew with STARTTLS. It writes nothing
itself but what comes before the reply of a command (prompts, 354, the lines of EHLO).
"""

import time
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from edge import policy, replies
from edge.entra.guest import speaking_for
from edge.listener.chunk_reader import read_chunk_size
from edge.listener.content import Intake, discard
from edge.listener.reception import Reception
from edge.listener.sign_in import ask_credentials
from edge.listener.transaction import Transaction
from edge.listener.visitor import Visitor
from edge.listener.wire import ConnectionEnded, Wire
from edge.paths import read_mail, read_recipient
from edge.policy import Refusal
from edge.replies import Reply
from edge.strangers import Stranger

_LONGEST_COMMAND = 2048
_MOST_FRUITLESS = 100
"""Commands without a mail before a session is closed, so that none is held open for nothing."""
Patient = Coroutine[Any, Any, Reply | None]
Answer = Reply | None | Patient
log = structlog.get_logger()


class Dialog:
    """What has been said on one connection, and what follows from the next command."""

    def __init__(self, wire: Wire, reception: Reception) -> None:
        self._wire = wire
        self._reception = reception
        self._command: Callable[[Dialog, str], Answer] | None = None
        self._hello_name: str | None = None
        self._visitor = Visitor(wire, reception)
        self._fruitless = 0
        self._transaction: Transaction | None = None
        self._stranger: Stranger | None = None
        self.awaits_content = False
        """Whether what the client says next is no command."""

    @property
    def in_transaction(self) -> bool:
        return self._transaction is not None

    def transaction_began(self, now: float) -> float:
        """When the transaction under way began; `now` without one."""
        return self._transaction.began if self._transaction else now

    def obey(self, line: bytes) -> Answer:
        """Do what `line` says; None when everything has been said already.

        A coroutine is what remains to be done: give it to `finish`.
        """
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
        self._command = command
        argument = words[0].strip().decode("utf-8", "surrogateescape") if words else ""
        try:
            return command(self, argument)
        except Exception:
            log.exception("internal_fault", **self._what)
            return self._give_up()

    async def finish(self, rest: Patient) -> Reply | None:
        """Do the rest of a command. Raises ConnectionEnded, ConnectionError."""
        try:
            return await rest
        except (ConnectionEnded, ConnectionError):
            raise
        except Exception:
            log.exception("internal_fault", **self._what)
            return self._give_up()

    def _give_up(self) -> Reply:
        # A fault of ours is not the client's: it shall keep the mail and come back.
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

    def _ehlo(self, argument: str) -> Reply | None:
        fault = self._hello(argument)
        if fault is None:
            hostname = self._reception.settings.hostname
            self._wire.say(replies.extended_hello(hostname, self._extensions()))
        return fault

    def _helo(self, argument: str) -> Reply:
        return self._hello(argument) or replies.hello(self._reception.settings.hostname)

    def _hello(self, argument: str) -> Reply | None:
        if not argument and self._reception.listener.profile == "strict":
            return replies.BAD_SYNTAX
        self._hello_name = argument
        self.end_transaction()
        return None

    def _extensions(self) -> tuple[str, ...]:
        size = f"SIZE {self._reception.limits.message_size}"
        extensions = ["PIPELINING", size, "8BITMIME", "SMTPUTF8", "CHUNKING", "ENHANCEDSTATUSCODES"]
        if self._reception.listener.tls == "starttls" and not self._wire.is_encrypted:
            extensions.append("STARTTLS")
        if policy.check_sign_in(self._visitor.client) is None:
            extensions.append("AUTH PLAIN LOGIN")
        return tuple(extensions)

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
        fault = policy.check_sign_in(self._visitor.client)
        if fault is not None:
            return fault
        credentials = await ask_credentials(self._wire, argument)
        if isinstance(credentials, Reply):
            return credentials
        return await self._visitor.sign_in(credentials)

    def _mail(self, argument: str) -> Reply:
        if self._hello_name is None:
            return replies.SAY_HELLO_FIRST
        self.end_transaction()
        client = self._visitor.client
        refusal = policy.check_client(client)
        if refusal == policy.UNKNOWN and self._visitor.is_learned_about():
            return self._meet_stranger(argument)
        if refusal is not None or client.device is None:
            return self._refuse(refusal or policy.UNKNOWN)
        mail = read_mail(argument)
        if isinstance(mail, Reply):
            return self._refuse(Refusal("address", mail))
        device = speaking_for(client.device, mail.reverse_path)
        if device is None:
            return self._refuse(Refusal("entra", replies.SENDER_REFUSED))
        refusal = policy.check_reverse_path(
            device, mail.reverse_path, mail.size, self._reception.limits
        )
        if refusal is not None:
            return self._refuse(refusal)
        if not self._reception.spool.is_writable:
            return self._refuse(Refusal("spool", replies.SPOOL_UNAVAILABLE))
        if not self._reception.spool.has_room_for(mail.size):
            return self._refuse(Refusal("spool", replies.SPOOL_FULL))
        now = time.monotonic()
        if device.rate and (wait := self._reception.allowances.take(device.name, device.rate, now)):
            return self._refuse(Refusal("devices[].rate", replies.rate_exceeded(wait)))
        self._transaction = Transaction(mail, device, now, self._visitor.letterhead(device))
        return replies.SENDER_OK

    def _rcpt(self, argument: str) -> Reply:
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
        if refusal is None:
            return replies.RECIPIENT_OK
        return self._refuse(refusal) if transaction.is_news(refusal) else refusal.reply

    def _data(self, argument: str) -> Reply:
        transaction = self._transaction
        if transaction is None:
            return replies.NEED_MAIL
        if not transaction.forward_paths:
            return replies.NEED_RECIPIENT
        if argument:
            return replies.BAD_SYNTAX
        if transaction.intake is not None:
            return replies.NOT_NOW
        transaction.intake = Intake(self._wire, self._reception, transaction.mail)
        self.awaits_content = True
        return replies.START_CONTENT

    async def receive_content(self) -> Reply:
        """What follows DATA. Raises ConnectionEnded."""
        self.awaits_content = False
        assert self._transaction is not None  # since DATA
        return self._conclude(await self._transaction.receive_data(self._wire))

    async def _bdat(self, argument: str) -> Reply:
        chunk = read_chunk_size(argument)
        if chunk is None:
            # Nobody knows where this content ends: nothing behind it may be taken for a command.
            self._wire.end_after_reply()
            return replies.BAD_SYNTAX
        octets, is_last = chunk
        transaction = self._transaction
        if transaction is None or not transaction.forward_paths:
            fault = replies.NEED_MAIL if transaction is None else replies.NEED_RECIPIENT
            return await discard(self._wire, octets, self._reception.limits) or fault
        outcome = await transaction.receive_chunk(self._wire, self._reception, octets, is_last)
        return replies.chunk_taken(octets) if outcome is None else self._conclude(outcome)

    def _conclude(self, outcome: Reply | Refusal) -> Reply:
        self.end_transaction()
        if isinstance(outcome, Refusal):
            return self._refuse(outcome)
        self._fruitless = 0
        return outcome

    def _rset(self, argument: str) -> Reply:
        self.end_transaction()
        return replies.OK

    def _noop(self, argument: str) -> Reply:
        return replies.OK

    def _vrfy(self, argument: str) -> Reply:
        return replies.CANNOT_VERIFY

    def _help(self, argument: str) -> Reply:
        return replies.HELP

    def _quit(self, argument: str) -> Reply:
        self._wire.end_after_reply()
        return replies.BYE

    @property
    def _what(self) -> dict[str, str]:
        return {
            "command": getattr(self._command, "__name__", "").strip("_").upper()
        } | self._visitor.who

    def _meet_stranger(self, argument: str) -> Reply:
        mail = read_mail(argument)
        if isinstance(mail, Reply):
            return self._refuse(Refusal("address", mail))
        listener, peer = self._visitor.who.values()
        self._stranger = Stranger(listener, peer, self._hello_name or "", mail.reverse_path)
        return replies.SENDER_OK

    def _refuse(self, refusal: Refusal) -> Reply:
        rule, reply = refusal
        self._reception.metrics.mails.labels(self._reception.listener.name, rule).inc()
        if refusal.is_limit and (device := self._visitor.client.device) is not None:
            self._reception.sightings.limited(device.name)
        log.info("refused", rule=rule, reply=f"{reply.code} {reply.enhanced}", **self._visitor.who)
        return reply


_COMMANDS: dict[bytes, Callable[[Dialog, str], Answer]] = {
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
