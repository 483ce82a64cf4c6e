"""The mail that every client is asked to send."""

import hashlib
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

from tests.clients.programs import MailClient, Order

TO, HIDDEN = "ann@contoso.com", "hidden@example.org"
FILE = bytes(range(256)) * 300


def an_order(directory: Path, subject: str, **door: object) -> Order:
    """`door`: port, is_implicit, user, password, certificate, sender."""
    attachment, mail = directory / "scan.pdf", directory / "mail.eml"
    attachment.write_bytes(FILE)
    mail.write_bytes(_mail(str(door["sender"]), subject))
    return Order(
        to=TO,
        hidden=HIDDEN,
        mail=mail,
        attachment=attachment,
        directory=directory,
        subject=subject,
        **door,  # type: ignore[arg-type]
    )


def as_sent(order: Order) -> bytes:
    """The octets that a client which sends what it is given sends."""
    return order.mail.read_bytes().removesuffix(b"\r\n") + b"\r\n"


def check_parts(octets: bytes) -> None:
    """Text and attachment are whole, whatever the client has made around them."""
    parts = {
        part.get_content_type(): bytes(part.get_payload(decode=True) or b"")
        for part in message_from_bytes(octets).walk()
        if not part.is_multipart()
    }

    assert FILE in parts.values()
    assert any(b"Two pages." in payload for payload in parts.values())


def check_is_as_sent(client: MailClient, order: Order, octets: bytes) -> None:
    if client.sends_as_is:
        assert as_sent(order) == octets

    check_parts(octets)


def _mail(sender: str, subject: str) -> bytes:
    mail = EmailMessage(policy=SMTP)
    mail["From"] = f"Scanner <{sender}>"
    mail["To"] = f"Ann <{TO}>"
    mail["Subject"] = subject
    mail["Date"] = "Sat, 21 Nov 2026 05:00:00 +0000"
    mail["Message-ID"] = f"<{hashlib.sha256(subject.encode()).hexdigest()}@contoso.com>"
    mail.set_content("Two pages.\n.\n..leading dots\n", cte="7bit")
    mail.add_attachment(FILE, maintype="application", subtype="pdf", filename="scan.pdf")
    return mail.as_bytes()
