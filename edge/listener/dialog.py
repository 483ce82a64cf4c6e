"""The commands of SMTP, one method each: ask policy, change the state, answer with a Reply.

A dialog begins with the connection, and anew with STARTTLS. It writes nothing itself but what
comes before the reply of a command (prompts, 354, the lines of EHLO).
"""

import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import structlog

from edge import policy, replies
from edge.listener.content import take_content
from edge.listener.reception import Reception
from edge.listener.sign_in import Credentials, ask_credentials
from edge.listener.wire import ConnectionEnded, Wire
from edge.paths import MailFrom, read_mail, read_recipient
from edge.replies import Reply
from edge.settings import Device
from handoff.ticket import RECIPIENT_BUDGET_BYTES

_LONGEST_COMMAND = 2048
log = structlog.get_logger()


@dataclass
class Transaction:
    """MAIL to the end of content."""

    mail: MailFrom
    device: Device
    began: float
    """By the event loop's clock."""
    forward_paths: list[str] = field(default_factory=list)
    ticket_octets: int = 0
    """What the forward paths take in the ticket."""


class Dialog:
    """What has been said on one connection, and what follows from the next command."""

    def __init__(self, wire: Wire, reception: Reception) -> None:
        self._wire = wire
        self._reception = reception
        self._said_hello = False
        self._device: Device | None = None
        self._failed_sign_ins = 0
        self._transaction: Transaction | None = None

    @property
    def in_transaction(self) -> bool:
        return self._transaction is not None

    def transaction_began(self, now: float) -> float:
        """When the transaction under way began; `now` without one."""
        return self._transaction.began if self._transaction else now

    async def obey(self, line: bytes) -> Reply | None:
        """Do what `line` says; None when everything has been said already."""
        verb, _, argument = line.strip().partition(b" ")
        command = _COMMANDS.get(verb.upper())
        if command is None:
            return replies.UNKNOWN_COMMAND
        if len(line) > _LONGEST_COMMAND and command is not Dialog._auth:
            return replies.LINE_TOO_LONG
        try:
            return await command(self, argument.strip().decode("utf-8", "surrogateescape"))
        except (ConnectionEnded, ConnectionError):
            raise
        except Exception:
            # A fault of ours is not the client's: it shall keep the mail and come back.
            log.exception("internal_fault", command=verb.decode("ascii"), **self._who)
            self._transaction = None
            return replies.INTERNAL_FAULT

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
        self._said_hello = True
        self._transaction = None
        return None

    def _extensions(self) -> list[str]:
        extensions = [
            "PIPELINING",
            f"SIZE {self._reception.limits.message_size}",
            "8BITMIME",
            "SMTPUTF8",
            "ENHANCEDSTATUSCODES",
        ]
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
        if not self._said_hello:
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
        device = policy.device_named(self._reception.settings.devices, credentials.login)
        password_hash = device.password_hash if device else None
        if await self._reception.passwords.is_right(password_hash, credentials.password):
            self._reception.metrics.sign_ins.labels("accepted").inc()
            self._device = device
            return replies.SIGNED_IN
        self._reception.metrics.sign_ins.labels("refused").inc()
        log.warning(
            "sign_in_failed",
            device=credentials.loggable_login,
            is_known=device is not None,
            password_length=len(credentials.password),
            **self._who,
        )
        self._failed_sign_ins += 1
        if self._failed_sign_ins < self._reception.limits.failed_sign_ins:
            return replies.BAD_CREDENTIALS
        self._wire.say(replies.BAD_CREDENTIALS)
        self._wire.end_after_reply()
        return replies.TOO_MANY_ERRORS

    async def _mail(self, argument: str) -> Reply:
        if not self._said_hello:
            return replies.SAY_HELLO_FIRST
        client = self._client
        fault = policy.check_client(client)
        if fault is not None or client.device is None:
            return self._refuse(fault or replies.NO_RELAYING, "client")
        mail = read_mail(argument)
        if isinstance(mail, Reply):
            return self._refuse(mail, "sender")
        device = client.device
        fault = policy.check_reverse_path(
            device, mail.reverse_path, mail.size, self._reception.limits
        )
        if fault is not None:
            return self._refuse(fault, "sender")
        if not self._reception.spool.has_room_for(mail.size):
            return self._refuse(replies.SPOOL_FULL, "spool")
        now = time.monotonic()
        if device.rate and not self._reception.allowances.take(device.name, device.rate, now):
            return self._refuse(replies.RATE_EXCEEDED, "rate")
        self._transaction = Transaction(mail, device, now)
        return replies.SENDER_OK

    async def _rcpt(self, argument: str) -> Reply:
        transaction = self._transaction
        if transaction is None:
            return replies.NEED_MAIL
        path = read_recipient(argument, smtputf8=transaction.mail.smtputf8)
        if isinstance(path, Reply):
            return self._refuse(path, "recipient")
        octets = transaction.ticket_octets + len(json.dumps(path)) + 1
        fault = policy.check_forward_path(
            transaction.device,
            path,
            taken=len(transaction.forward_paths),
            fits_ticket=octets <= RECIPIENT_BUDGET_BYTES,
            limits=self._reception.limits,
        )
        if fault is not None:
            return self._refuse(fault, "recipient")
        transaction.forward_paths.append(path)
        transaction.ticket_octets = octets
        return replies.RECIPIENT_OK

    async def _data(self, argument: str) -> Reply:
        transaction = self._transaction
        if transaction is None:
            return replies.NEED_MAIL
        if not transaction.forward_paths:
            return replies.NEED_RECIPIENT
        if argument:
            return replies.BAD_SYNTAX
        self._wire.say(replies.START_CONTENT)
        try:
            reply = await take_content(
                self._wire,
                self._reception,
                transaction.device,
                transaction.mail,
                tuple(transaction.forward_paths),
            )
        finally:
            self._transaction = None
        return self._refuse(reply, "content") if reply.is_refusal else reply

    async def _rset(self, argument: str) -> Reply:
        self._transaction = None
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

    def _refuse(self, reply: Reply, rule: str) -> Reply:
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
    b"RSET": Dialog._rset,
    b"NOOP": Dialog._noop,
    b"VRFY": Dialog._vrfy,
    b"HELP": Dialog._help,
    b"QUIT": Dialog._quit,
}
