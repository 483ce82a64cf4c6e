"""What a whole run writes anywhere holds no secret and no content, and every line is one event."""

import base64
import json
import re
import smtplib
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.edge.door import PASSWORD
from tests.edge.program import NOWHERE, Edge, config
from tests.leaks import leaks

WRONG = "Wr0ng-but-close-Pa55"
ACCOUNT_KEY = base64.b64encode(b"storage key canary, 32 octets ..").decode("ascii")
SUBJECT, TEXT = "Canary-Payroll-Subject", "Canary-Salary-of-Ann"
PRIVATE = {"password": PASSWORD, "wrong password": WRONG, "account key": ACCOUNT_KEY}
CONTENT = {"subject": SUBJECT, "text": TEXT}


@pytest.fixture
def edge(tmp_path: Path) -> Iterator[Edge]:
    storage = NOWHERE.replace("dGVzdA==", ACCOUNT_KEY)
    edge = Edge(config(tmp_path, storage, "[log]", 'level = "debug"'))
    yield edge
    edge.child.kill()


def _context() -> ssl.SSLContext:
    return ssl._create_unverified_context()


def _send_signed_in(edge: Edge) -> None:
    with smtplib.SMTP("127.0.0.1", edge.ports["submission"], timeout=20) as client:
        client.starttls(context=_context())
        client.login("scanner", PASSWORD)
        client.sendmail(
            "scan@contoso.com",
            ["ann@contoso.com"],
            f"Subject: {SUBJECT}\r\n\r\n{TEXT}\r\n",
        )
    for mechanism in ("PLAIN", "LOGIN"):
        with smtplib.SMTP("127.0.0.1", edge.ports["submission"], timeout=20) as client:
            client.starttls(context=_context())
            client.ehlo()
            client.user, client.password = "scanner", WRONG
            with pytest.raises(smtplib.SMTPAuthenticationError):
                client.auth(mechanism, getattr(client, f"auth_{mechanism.lower()}"))


def _say_odd_things(edge: Edge) -> None:
    lines = [
        b"EHLO x\x1b[2J\x07",
        b'MAIL FROM:<a@b.org\r\n{"event": "forged"}',
        b"HELO \xff\xfe\x0b\xe2\x80\xa8{}",
        b"MAIL FROM:<\x1b[31mred@b.org>",
        b"MAIL FROM:<a@b.org>",
        b"RCPT TO:<c@d.org\x00\x0b>",
        b'RCPT TO:<"forged\r event"@d.org>',
        b"AUTH PLAIN " + base64.b64encode(b"\0forged\r\nlogin\x1b\0" + WRONG.encode()),
        f"DATA {SUBJECT}".encode(),
        f"{WRONG} {TEXT}".encode(),
    ]
    for port in ("submission", "lan"):
        with socket.create_connection(("127.0.0.1", edge.ports[port]), timeout=20) as client:
            client.sendall(b"\r\n".join(lines) + b"\r\nQUIT\r\n")
            while client.recv(65536):
                pass
    with smtplib.SMTP("127.0.0.1", edge.ports["submission"], timeout=20) as client:
        client.starttls(context=_context())
        client.ehlo()
        forged = base64.b64encode(f"\0forged\r\nlogin\x1b\0{WRONG}".encode()).decode("ascii")

        assert client.docmd("AUTH", f"PLAIN {forged}")[0] == 535


def test_a_whole_run_tells_no_secret(edge: Edge, tmp_path: Path) -> None:
    _send_signed_in(edge)
    _say_odd_things(edge)
    edge.child.wait_for(lambda line: "uplink_down" in line, 20)
    seen = "".join(edge.get(path)[1] for path in ("/health", "/ready", "/metrics"))
    edge.child.stop()
    output = "\n".join(edge.child.lines)
    files = {
        path.relative_to(tmp_path).as_posix(): path.read_bytes()
        for path in (tmp_path / "spool").rglob("*")
        if path.is_file()
    }

    assert leaks(output.encode() + seen.encode(), PRIVATE | CONTENT) == set()
    assert {name: leaks(octets, PRIVATE) for name, octets in files.items()} == {
        name: set() for name in files
    }
    # The canaries sing: the mail does lie in the spool.
    assert leaks(files["spool/spool.sqlite3"], CONTENT) == {"text", "subject"}


def test_every_line_of_the_log_is_one_event(edge: Edge) -> None:
    _send_signed_in(edge)
    _say_odd_things(edge)
    edge.child.stop()
    events = [json.loads(line) for line in edge.child.lines]

    assert {"spooled", "sign_in_failed", "refused"} <= {event["event"] for event in events}
    assert "forged" not in {event["event"] for event in events}
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028]", "\n".join(edge.child.lines))
