"""What a client says in AUTH PLAIN and AUTH LOGIN (RFC 4616, RFC 4954)."""

import base64
import binascii
import re
from dataclasses import dataclass, field

from edge import replies
from edge.listener.wire import Wire
from edge.replies import Reply

_LOGGABLE = re.compile(r"[\w.@+-]{1,64}", re.ASCII)


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


async def ask_credentials(wire: Wire, argument: str) -> Credentials | Reply:
    """Finish the exchange that `AUTH argument` began."""
    mechanism, _, initial = argument.partition(" ")
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
