"""What to type into a device so that it can send. Pure.

Logins and passwords fit the fields of devices: some take 20 characters of a password, some only
letters and digits, and some a user name of 4 to 20 that begins with a letter.
"""

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass

from edge.settings import Device, EdgeSettings, Listener

_LENGTH = 16
_LETTERS = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ"  # none that looks like another
_DIGITS = "23456789"
_FITS_EVERY_FIELD = re.compile(r"[a-z][a-z0-9._-]{3,19}")
_ENCRYPTION = {"none": "none", "starttls": "STARTTLS", "implicit": "SSL/TLS"}


def new_password() -> str:
    """16 letters and digits, 93 bits; begins with a letter, and has some of each."""
    while True:
        rest = (secrets.choice(_LETTERS + _DIGITS) for _ in range(_LENGTH - 1))
        password = secrets.choice(_LETTERS) + "".join(rest)
        kinds = (str.islower, str.isupper, str.isdigit)
        if all(any(map(is_kind, password)) for is_kind in kinds):
            return password


def fits_every_field(login: str) -> bool:
    return _FITS_EVERY_FIELD.fullmatch(login) is not None


@dataclass(frozen=True)
class Card:
    """One way in for a device."""

    server: str
    port: int
    encryption: str
    user: str
    """ "" when it need not sign in."""


def cards(settings: EdgeSettings, device: Device) -> Iterator[Card]:
    """Every listener that `device` can send through."""
    for listener in settings.listeners:
        by_login = device.password_hash is not None and listener.auth != "off"
        by_network = bool(device.networks) and listener.auth != "required"
        if by_login or by_network:
            yield _card(settings, listener, device.name if by_login else "")


def _card(settings: EdgeSettings, listener: Listener, user: str) -> Card:
    is_any = listener.address.host in ("0.0.0.0", "::", "")
    server = settings.hostname if is_any else listener.address.host
    return Card(server, listener.address.port, _ENCRYPTION[listener.tls], user)
