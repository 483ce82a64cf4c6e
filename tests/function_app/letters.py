"""Compose a mail for a test, and read what came out with a parser that is not ours."""

from email import message_from_string
from email.policy import compat32
from email.utils import getaddresses
from functools import partial
from inspect import signature
from typing import Any

from function_app.compose import Letter, compose
from function_app.mime.addresses import normal
from tests.builders import NOW, a_ticket

# By default newer ones refuse a comma in a comment, and with it the whole field.
_addresses_of = (
    partial(getaddresses, strict=False)
    if "strict" in signature(getaddresses).parameters
    else getaddresses
)


def composed(octets: bytes, to: tuple[str, ...] = ("ann@contoso.com",), **changes: Any) -> Letter:
    return compose(a_ticket(octets, to=to, **changes), octets, NOW)


def below_received(letter: Letter) -> bytes:
    received, _, rest = letter.mime().partition(b"\r\n")

    assert received.startswith(b"Received: ")
    return rest


def header_of(mime: bytes, name: str) -> list[str]:
    head = mime.partition(b"\r\n\r\n")[0].decode("utf-8", "surrogateescape")
    message = message_from_string(head + "\r\n\r\n", policy=compat32)
    return [str(value) for value in message.get_all(name, [])]


def named_in(mime: bytes) -> set[str]:
    """Whom To, Cc and Bcc name."""
    fields = [value for name in ("To", "Cc", "Bcc") for value in header_of(mime, name)]
    return {normal(address) for _, address in _addresses_of(fields) if address}


def normal_set(paths: tuple[str, ...]) -> set[str]:
    return set(map(normal, paths))
