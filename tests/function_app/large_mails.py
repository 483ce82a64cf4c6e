"""Mails above what Graph takes as MIME, and what becomes of their files at the simulator."""

import hashlib
import random
from base64 import encodebytes
from typing import Any

from local.graph_simulator.client import ReceivedAttachment, SimulatorClient

SEARCH, CREATE, SEND = "GET messages", "POST messages", "POST send"
POST, OPEN, PUT, DELETE = (
    "POST attachments", "POST createUploadSession", "PUT upload", "DELETE draft",
)  # fmt: skip
THROTTLED = {"error": {"code": "ApplicationThrottled", "message": "Over its limit."}}

HEAD = (
    b"From: Scanner <scan@contoso.com>\r\n"
    b"To: Ann <ann@contoso.com>\r\n"
    b"Subject: Scan\r\n"
    b"Message-ID: <large@contoso.com>\r\n"
    b"MIME-Version: 1.0\r\n"
)
MIXED = HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n"
TEXT = b"\r\n--b\r\nContent-Type: text/plain\r\n\r\nHello.\r\n"


def octets_of(size: int) -> bytes:
    """`size` octets that look like nothing, the same every time."""
    return random.Random(size).randbytes(size)


def file_part(octets: bytes, head: bytes = b"Content-Type: application/pdf") -> bytes:
    encoded = encodebytes(octets).replace(b"\n", b"\r\n")
    return b"--b\r\n" + head + b"\r\nContent-Transfer-Encoding: base64\r\n\r\n" + encoded


def mail_with(*files: bytes, head: bytes = MIXED, text: bytes = TEXT) -> bytes:
    """A mail with a text and a PDF of each of these octets."""
    parts = (
        file_part(octets, b"Content-Type: application/pdf; name=scan-%d.pdf" % number)
        for number, octets in enumerate(files, 1)
    )
    return b"".join([head, text, *parts, b"--b--\r\n"])


def fingerprint(octets: bytes) -> tuple[int, str]:
    return len(octets), hashlib.sha256(octets).hexdigest()


def fingerprint_of(received: ReceivedAttachment) -> tuple[int, str]:
    return received.size, received.sha256


OCTETS = octets_of(9_000_000)
MAIL = mail_with(OCTETS)


def check_arrived_once(graph: SimulatorClient) -> None:
    (mail,) = graph.mails()
    assert [fingerprint(OCTETS)] == list(map(fingerprint_of, mail.attachments))
    assert [] == graph.state()["drafts"]


def methods(graph: SimulatorClient) -> list[str]:
    """What was called, by the end of its path."""
    return [
        f"{call['method']} {'upload' if '/upload/' in call['path'] else tail(call['path'])}"
        for call in graph.requests()
        if "/msi/" not in call["path"]
    ]


def tail(path: str) -> str:
    last = path.rpartition("/")[2]
    return "draft" if len(last) == 72 else last


def slow_down(seconds: int) -> dict[str, Any]:
    return {"status": 429, "headers": {"Retry-After": str(seconds)}, "body": THROTTLED}
