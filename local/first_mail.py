"""The mail that `make run` sends: through the real door, and shown as it arrived."""

import smtplib
import ssl
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid

from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from handoff.ids import request_id_of
from local.graph_simulator.client import ReceivedMail
from local.relay import DEVICE, MAILBOX, Relay

_TO = "Ann <ann@contoso.com>"
_HIDDEN = "archive@contoso.com"
_SECONDS = 60
_SHOWN_LINES = 44


class MailFailed(Exception):
    """The mail did not arrive. The text says where it was seen last."""


def send_first_mail(relay: Relay, console: Console) -> None:
    """Send one mail over STARTTLS with sign-in, and show its way. Raises MailFailed."""
    console.print(f"\nA device sends a mail to 127.0.0.1:{relay.submission_port} ...\n")
    mail_id = _submit(relay)
    try:
        passed = relay.stations.wait_for_end(mail_id, _SECONDS)
    except TimeoutError as error:
        raise MailFailed(str(error)) from error
    began = min(passed.values())
    table = Table("station", "time (UTC)", "after", title=f"mail {mail_id}")
    for station, at in sorted(passed.items(), key=lambda station: station[1]):
        after = (at - began).total_seconds() * 1000
        table.add_row(station, f"{at.astimezone(UTC):%H:%M:%S.%f}"[:-3], f"{after:.0f} ms")
    console.print(table)
    _show(_received(mail_id, relay), console)


def _submit(relay: Relay) -> str:
    mail = _mail()
    context = ssl.create_default_context(cafile=str(relay.certificate))
    with smtplib.SMTP("localhost", relay.submission_port, timeout=30) as client:
        client.starttls(context=context)
        client.login(DEVICE, relay.password)
        client.mail(MAILBOX)
        client.rcpt("ann@contoso.com")
        client.rcpt(_HIDDEN)
        code, answer = client.data(mail.as_bytes(policy=SMTP))
    text = answer.decode("ascii", "replace")
    if code != 250:
        raise MailFailed(f"the edge did not take the mail: {code} {text}")
    mail_id = text.rpartition(" ")[2]
    relay.stations.note(mail_id, "accepted", datetime.now(UTC))
    return mail_id


def _mail() -> EmailMessage:
    mail = EmailMessage()
    mail["From"] = f'"Scanner, 2nd floor" <{MAILBOX}>'
    mail["To"] = _TO
    mail["Subject"] = "Scan \u2013 two pages"
    mail["Date"] = format_datetime(datetime.now(UTC))
    mail["Message-ID"] = make_msgid(domain="contoso.com")
    mail.set_content("The scan is attached.\n", cte="8bit")
    mail.add_alternative("<p>The scan is <b>attached</b>.</p>\n", subtype="html", cte="8bit")
    mail.add_attachment(
        b"%PDF-1.4 " + bytes(range(256)) * 80,
        maintype="application",
        subtype="pdf",
        filename="scan.pdf",
    )
    return mail


def _received(mail_id: str, relay: Relay) -> ReceivedMail:
    request_id = str(request_id_of(mail_id))
    return next(mail for mail in relay.simulator.mails() if mail.client_request_id == request_id)


def _show(received: ReceivedMail, console: Console) -> None:
    lines = received.mime.decode("utf-8", "replace").splitlines()
    shown = [line[:100] for line in lines[:_SHOWN_LINES]]
    if len(lines) > _SHOWN_LINES:
        shown.append(f"... {len(lines) - _SHOWN_LINES} more lines")
    console.print(
        Panel(
            "\n".join(shown),
            title=f"as Graph received it for {received.mailbox}, {len(received.mime)} bytes",
            subtitle=f"delivered to {', '.join(received.recipients)}",
        ),
        markup=False,
    )
