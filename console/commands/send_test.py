"""`relay send-test`: one real mail through the real door, followed until it is sent."""

import os
import smtplib
import ssl
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from pathlib import Path
from typing import Annotated

import typer

from console.place import edge_settings
from console.reading.life import Life, read_life
from console.terminal import (
    FAILED,
    WRONG_USAGE,
    Config,
    Json,
    at_work,
    complain,
    faults_told,
    plain,
    say,
    say_json,
)
from edge.settings import EdgeSettings, Listener
from handoff.delivery import ENDED, State
from handoff.ids import is_id
from handoff.storage import Storage

_SECONDS = 30
_LOOK_SECONDS = 0.2


@dataclass(frozen=True)
class Door:
    """Where the mail goes in."""

    host: str
    port: int
    tls: str
    authority: Path | None
    """Of the certificate, when it is the edge's own."""


def send_test(
    to: Annotated[list[str], typer.Option(help="Who gets the mail. May be repeated.")],
    sender: Annotated[str, typer.Option("--from", help="The reverse-path.")] = "",
    listener: Annotated[str, typer.Option(help="The name of a listener of the edge.")] = "",
    user: Annotated[str, typer.Option(help="The device that signs in.")] = "",
    password_file: Annotated[
        Path | None, typer.Option(help="The file with its password.", dir_okay=False)
    ] = None,
    wait: Annotated[float, typer.Option(help="Seconds until it must be sent.")] = 120,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Send a real mail through the edge beside us, and tell its time at each station."""
    if bool(user) != bool(password_file):
        raise complain("--user and --password-file need each other.", WRONG_USAGE)
    with faults_told():
        settings = edge_settings(os.environ, config)
    if settings is None:
        raise complain("Name the edge's settings with --config.", WRONG_USAGE)
    door, reverse_path = _door(settings, listener), sender or _a_sender(settings)
    began = time.monotonic()
    try:
        password = password_file.read_text("utf-8").strip() if password_file else ""
        mail_id = _submit(door, reverse_path, to, user, password)
    except (smtplib.SMTPException, OSError) as fault:
        raise complain(f"{door.host}:{door.port} did not take it: {fault}", FAILED) from fault
    if not as_json:
        say(f"accepted   {mail_id}  {(time.monotonic() - began) * 1000:.0f} ms")
    with at_work(config) as storage:
        life = _followed(storage, mail_id, wait)
    _tell(mail_id, life, as_json)


def _door(settings: EdgeSettings, name: str) -> Door:
    named = [one for one in settings.listeners if name in ("", one.name)]
    if not named:
        known = ", ".join(one.name for one in settings.listeners)
        raise complain(f'There is no listener "{name}"; there are {known}.', WRONG_USAGE)
    chosen: Listener = named[0]
    host = chosen.address.host
    is_own = settings.tls.source == "self-signed" and chosen.tls != "none"
    return Door(
        # The name that a certificate of the edge's own has for this machine.
        "localhost" if host in ("0.0.0.0", "::", "127.0.0.1", "::1") else host,
        chosen.address.port,
        chosen.tls,
        settings.tls.certificate if is_own else None,
    )


def _a_sender(settings: EdgeSettings) -> str:
    if not settings.devices:
        raise complain("No device may send; add one, or say --from.", WRONG_USAGE)
    return settings.devices[0].send_as


def _submit(door: Door, reverse_path: str, to: list[str], user: str, password: str) -> str:
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
        if user:
            client.login(user, password)
        client.ehlo_or_helo_if_needed()
        code, text = client.mail(reverse_path)
        for recipient in to if code == 250 else ():
            code, text = client.rcpt(recipient)
            if code != 250:
                break
        if code == 250:
            code, text = client.data(_mail(reverse_path, to).as_bytes(policy=SMTP))
    mail_id = text.decode("ascii", "replace").rpartition(" ")[2]
    if code != 250 or not is_id(mail_id):
        raise smtplib.SMTPResponseException(code, text)
    return mail_id


def _mail(reverse_path: str, to: list[str]) -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"] = reverse_path, ", ".join(to)
    mail["Subject"] = "Test of the mail relay"
    mail["Date"] = format_datetime(datetime.now(UTC))
    mail["Message-ID"] = make_msgid(domain=reverse_path.rpartition("@")[2] or None)
    mail.set_content("This mail was sent by relay send-test. It shows that the relay delivers.\n")
    return mail


def _followed(storage: Storage, mail_id: str, wait: float) -> Life | None:
    """Its life as it is when the mail ended, or when the wait did."""
    give_up_at = time.monotonic() + wait
    life = read_life(storage, mail_id)
    while (life is None or life.mail.state not in ENDED) and time.monotonic() < give_up_at:
        time.sleep(_LOOK_SECONDS)
        life = read_life(storage, mail_id)
    return life


def _tell(mail_id: str, life: Life | None, as_json: bool) -> None:
    if life is None:
        raise complain(
            f"The function app has not seen {mail_id} in time. Ask: relay doctor", FAILED
        )
    if as_json:
        say_json(plain(life) | {"sentence": life.sentence})
    else:
        for station in life.stations[1:]:
            after = (station.at - life.stations[0].at).total_seconds() * 1000
            say(f"{station.name:<10} +{after:.0f} ms  {station.text}")
        say(life.sentence, "bold")
    if life.mail.state is not State.SENT:
        raise complain(f"It was not sent. More: relay why {mail_id}", FAILED)
