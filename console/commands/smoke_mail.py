"""Hand one mail to an edge as a device would: STARTTLS where it is offered, then sign in."""

import smtplib
import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from pathlib import Path

_SECONDS = 60


class DoorFailed(Exception):
    """The edge did not take the mail. The text says why, without credentials."""


@dataclass(frozen=True)
class Door:
    """Where to send, as whom, to whom."""

    place: str
    sender: str
    to: str
    login: str = ""
    password: str = field(default="", repr=False)
    ca_file: Path | None = None


def send_mail(door: Door) -> str:
    """The id of the 250. Raises DoorFailed."""
    host, _, port = door.place.rpartition(":")
    if not host or not port.isdigit():
        raise DoorFailed(f"{door.place}: expected host:port")
    try:
        with smtplib.SMTP(host, int(port), timeout=_SECONDS) as client:
            client.ehlo()
            if client.has_extn("STARTTLS"):
                client.starttls(context=ssl.create_default_context(cafile=door.ca_file))
            if door.login:
                client.login(door.login, door.password)
            return _send(client, door)
    except (OSError, smtplib.SMTPException) as error:
        raise DoorFailed(f"{door.place}: {error}") from error


def _send(client: smtplib.SMTP, door: Door) -> str:
    _taken(client.mail(door.sender), door)
    _taken(client.rcpt(door.to), door)
    return _taken(client.data(_mail(door)), door).rpartition(" ")[2]


def _taken(answer: tuple[int, bytes], door: Door) -> str:
    code, octets = answer
    text = octets.decode("ascii", "replace")
    if code != 250:
        raise DoorFailed(f"{door.place}: {code} {text}")
    return text


def _mail(door: Door) -> bytes:
    mail = EmailMessage()
    mail["From"], mail["To"] = door.sender, door.to
    mail["Subject"] = "relay smoke: it works"
    mail["Date"] = format_datetime(datetime.now(UTC))
    mail["Message-ID"] = make_msgid(domain=door.sender.rpartition("@")[2] or "localhost")
    mail.set_content("Sent by `relay smoke` through the whole relay.\n")
    return mail.as_bytes(policy=SMTP)
