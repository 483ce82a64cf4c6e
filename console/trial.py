"""A test mail: one real mail through the real door of the edge beside us.

Whoever sends it need not know the edge's ports and certificate: both are in its settings.
"""

import smtplib
import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from pathlib import Path

from edge.settings import EdgeSettings, Listener
from handoff.ids import is_id

_SECONDS = 30
_ANY = ("0.0.0.0", "::", "127.0.0.1", "::1")
Fault = (smtplib.SMTPException, OSError)
"""What `submit` raises."""


class NoDoor(Exception):
    """The settings have no such listener, or nobody who might send. The sentence says which."""


@dataclass(frozen=True)
class Door:
    """Where the mail goes in."""

    host: str
    port: int
    tls: str
    authority: Path | None
    """Of the certificate, when it is the edge's own."""


@dataclass(frozen=True)
class Trial:
    """The mail, and who brings it."""

    reverse_path: str
    to: tuple[str, ...]
    user: str = ""
    password: str = field(default="", repr=False)


def door_of(settings: EdgeSettings, name: str) -> Door:
    """The listener of that name, or the first one. Raises NoDoor."""
    named = [one for one in settings.listeners if name in ("", one.name)]
    if not named:
        known = ", ".join(one.name for one in settings.listeners)
        raise NoDoor(f'There is no listener "{name}"; there are {known}.')
    chosen: Listener = named[0]
    is_own = settings.tls.source == "self-signed" and chosen.tls != "none"
    return Door(
        # The name that a certificate of the edge's own has for this machine.
        "localhost" if chosen.address.host in _ANY else chosen.address.host,
        chosen.address.port,
        chosen.tls,
        settings.tls.certificate if is_own else None,
    )


def sender_of(settings: EdgeSettings) -> str:
    """Whom the mail is from when nobody says so. Raises NoDoor."""
    if not settings.devices:
        raise NoDoor("No device may send; add one, or name a sender.")
    return settings.devices[0].send_as


def submit(door: Door, trial: Trial) -> str:
    """The id from the 250. Raises SMTPException, OSError."""
    context = ssl.create_default_context(cafile=str(door.authority) if door.authority else None)
    if door.tls == "implicit":
        client: smtplib.SMTP = smtplib.SMTP_SSL(
            door.host, door.port, timeout=_SECONDS, context=context
        )
    else:
        client = smtplib.SMTP(door.host, door.port, timeout=_SECONDS)
    with client:
        if door.tls == "starttls":
            client.starttls(context=context)
        if trial.user:
            client.login(trial.user, trial.password)
        client.ehlo_or_helo_if_needed()
        code, text = client.mail(trial.reverse_path)
        for recipient in trial.to if code == 250 else ():
            code, text = client.rcpt(recipient)
            if code != 250:
                break
        if code == 250:
            code, text = client.data(_mail(trial).as_bytes(policy=SMTP))
    mail_id = text.decode("ascii", "replace").rpartition(" ")[2]
    if code != 250 or not is_id(mail_id):
        raise smtplib.SMTPResponseException(code, text)
    return mail_id


def sentence_of(fault: Exception) -> str:
    """What the door said, without what Python calls it."""
    if isinstance(fault, smtplib.SMTPResponseException):
        said = fault.smtp_error
        text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
        return f"{fault.smtp_code} {text}"
    return str(fault)


def _mail(trial: Trial) -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"] = trial.reverse_path, ", ".join(trial.to)
    mail["Subject"] = "Test of the mail relay"
    mail["Date"] = format_datetime(datetime.now(UTC))
    mail["Message-ID"] = make_msgid(domain=trial.reverse_path.rpartition("@")[2] or None)
    mail.set_content("This mail was sent by relay send-test. It shows that the relay delivers.\n")
    return mail
