"""What Gmail does with a message that is to be sent; but for the time and an id, a function of it.

To, Cc and Bcc are the recipients, and there is no other envelope. Bcc goes, and a From that is
not the user's own becomes it.
"""

import time
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.utils import getaddresses, parseaddr
from typing import Any
from uuid import uuid4


class Refused(Exception):
    """The message of an error 400, and its reason."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True)
class User:
    address: str
    aliases: tuple[str, ...] = ()


def sent(octets: bytes, user: User) -> dict[str, Any]:
    """The mail as the simulator keeps it. Raises Refused."""
    message = message_from_bytes(octets, policy=policy.compat32)
    fields = {
        name: [str(value) for value in message.get_all(name, [])] for name in ("To", "Cc", "Bcc")
    }
    recipients = [address for values in fields.values() for address in _addresses(values)]
    if not recipients:
        raise Refused("invalidArgument", "Recipient address required")
    for name, values in fields.items():
        if any("@" not in address for address in _addresses(values)):
            raise Refused("invalidArgument", f"Invalid {name} header")
    author = parseaddr(str(message.get("From", "")))[1]
    own = {user.address.lower(), *(alias.lower() for alias in user.aliases)}
    return {
        "id": uuid4().hex[:16],
        "at": time.time(),
        "mailbox": user.address,
        "recipients": list(dict.fromkeys(recipients)),
        "from": author if author.lower() in own else user.address,
        "message_id": str(message.get("Message-ID", "")),
        "fields": [{"name": name, "value": _as_utf8(value)} for name, value in message.raw_items()],
        "mime": octets.decode("latin-1"),
    }


def _addresses(values: list[str]) -> list[str]:
    return [address for _, address in getaddresses(values) if address]


def _as_utf8(value: str) -> str:
    """An unfolded field; as the parser has it, octets above ASCII are surrogates."""
    octets = value.encode("ascii", "surrogateescape")
    return "".join(octets.decode("utf-8", "replace").splitlines())
