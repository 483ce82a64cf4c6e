"""AUTH PLAIN and AUTH LOGIN (RFC 4616, RFC 4954): what a client says, and whether it is true."""

import base64
import binascii
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import structlog

from edge import policy, replies
from edge.entra.answers import Verdict
from edge.entra.guest import login_of, welcome
from edge.entra.logins import Login
from edge.entra.settings import Alias
from edge.listener.reception import Reception
from edge.listener.wire import Wire
from edge.replies import Reply
from edge.settings import Device

_LOGGABLE = re.compile(r"[\w.@:|+-]{1,128}", re.ASCII)
_LONGEST_NAME = 64
_LONGEST_LOGIN = 254
log = structlog.get_logger()


@dataclass(frozen=True)
class Credentials:
    login: str
    password: str = field(repr=False)

    @property
    def are_blank(self) -> bool:
        return not self.login and not self.password

    @property
    def loggable_login(self) -> str:
        """The login, or its length when it is not what a login looks like."""
        return self.login if _LOGGABLE.fullmatch(self.login) else f"({len(self.login)} characters)"


async def verify(credentials: Credentials, wire: Wire, reception: Reception) -> Device | Reply:
    """The device that `credentials` belong to.

    An unknown login is treated like a wrong password in everything, so that nobody learns which
    logins exist.
    """
    settings, address, tries = reception.settings, wire.address, reception.tries
    device = policy.device_named(settings.devices, credentials.login)
    named = login_of(settings.entra, credentials.login) if device is None else None
    login = credentials.login.strip().casefold()
    login = login[:_LONGEST_LOGIN] if named else login.partition("@")[0][:_LONGEST_NAME]
    facts = {
        "device": credentials.loggable_login,
        "listener": reception.listener.name,
        "peer": str(address),
    }
    async with tries.turn(address, login, settings.limits) as may_try:
        if not may_try:
            reception.metrics.sign_ins.labels("blocked").inc()
            log.warning("sign_in_blocked", **facts)
            return replies.TOO_MANY_SIGN_INS
        if named is not None:
            outcome = await _ask_entra(credentials, *named, reception, facts)
        else:
            outcome = await _check_password(credentials, device, reception, facts)
        if isinstance(outcome, Device):
            tries.failed.succeeded(address, login)
        elif outcome == replies.BAD_CREDENTIALS:
            tries.failed.failed(address, login, time.monotonic())
    reception.metrics.sign_ins.labels(_result_of(outcome)).inc()
    return outcome


async def _check_password(
    credentials: Credentials, device: Device | None, reception: Reception, facts: Mapping[str, str]
) -> Device | Reply:
    passwords, password = reception.passwords, credentials.password
    if device is not None and device.password_hash is not None:
        if await passwords.is_right(device.password_hash, password):
            return device
    else:
        hashes = [one.password_hash for one in reception.settings.devices if one.password_hash]
        await passwords.refuse(credentials.login, hashes, password)
    log.warning(
        "sign_in_failed",
        is_known=device is not None,
        password_length=len(credentials.password),
        **facts,
    )
    return replies.BAD_CREDENTIALS


async def _ask_entra(
    credentials: Credentials,
    login: Login,
    alias: Alias | None,
    reception: Reception,
    facts: Mapping[str, str],
) -> Device | Reply:
    entra = reception.settings.entra
    verdict, code, advice = await reception.entra.judge(entra, login, credentials.password)
    if verdict is Verdict.RIGHT:
        return welcome(entra, login, alias, credentials.password)
    log.warning(
        "sign_in_failed",
        is_known=True,
        password_length=len(credentials.password),
        code=code,
        advice=advice,
        **facts,
    )
    return replies.BAD_CREDENTIALS if verdict is Verdict.WRONG else replies.CANNOT_CHECK


def _result_of(outcome: Device | Reply) -> str:
    if isinstance(outcome, Device):
        return "accepted"
    return "refused" if outcome == replies.BAD_CREDENTIALS else "unanswered"


async def ask_credentials(wire: Wire, argument: str) -> Credentials | Reply:
    """Finish the exchange that `AUTH argument` began."""
    mechanism, initial, *_ = *argument.split(None, 1), "", ""
    if mechanism.upper() == "PLAIN":
        answer = await _ask(wire, replies.ASK_CREDENTIALS, initial)
        return answer if isinstance(answer, Reply) else read_plain(answer)
    if mechanism.upper() != "LOGIN":
        return replies.UNKNOWN_MECHANISM
    login = await _ask(wire, replies.ASK_USERNAME, initial)
    if isinstance(login, Reply):
        return login
    password = await _ask(wire, replies.ASK_PASSWORD, "")
    return password if isinstance(password, Reply) else Credentials(login, password)


async def _ask(wire: Wire, prompt: Reply, initial: str) -> str | Reply:
    if initial:
        return decode_answer(initial.encode("utf-8", "surrogateescape"))
    wire.say(prompt)
    line = await wire.next_line()
    return line if isinstance(line, Reply) else decode_answer(line)


def decode_answer(line: bytes) -> str | Reply:
    """The text behind one base64 answer; "=" stands for none, and padding may be missing."""
    answer = line.strip()
    if answer == b"*":
        return replies.SIGN_IN_ABORTED
    answer = answer.rstrip(b"=")
    try:
        octets = base64.b64decode(answer + b"=" * (-len(answer) % 4), validate=True)
    except binascii.Error:
        return replies.BAD_BASE64
    return octets.decode("utf-8", "surrogateescape")


def read_plain(text: str) -> Credentials | Reply:
    """The credentials in a decoded PLAIN message: identity NUL login NUL password."""
    if not text:
        return Credentials("", "")
    parts = text.split("\0")
    return Credentials(parts[1], parts[2]) if len(parts) == 3 else replies.BAD_SYNTAX
