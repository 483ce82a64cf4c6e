"""The edge as a program, for tests that want the real process."""

import json
import os
import smtplib
import socket
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from local.child import Child
from tests.builders import MAIL
from tests.edge.door import SCANNER

NOWHERE = (
    "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=dGVzdA==;"
    "QueueEndpoint=http://127.0.0.2:9/a;BlobEndpoint=http://127.0.0.2:9/a;"
)


def config(directory: Path, storage: str, *more: str) -> Path:
    file = directory / "edge.toml"
    file.write_text(
        f"""
        site = "plant-2"
        hostname = "localhost"
        drain_timeout = 3
        [storage]
        connection_string = "{storage}"
        [spool]
        directory = "{directory}/spool"
        [tls]
        certificate = "{directory}/tls/certificate.pem"
        key = "{directory}/tls/key.pem"
        [monitor]
        address = "127.0.0.1:0"
        [heartbeat]
        interval = 0
        [[listeners]]
        name = "submission"
        address = "127.0.0.1:0"
        [[listeners]]
        name = "lan"
        address = "127.0.0.1:0"
        tls = "none"
        profile = "legacy"
        auth = "off"
        [[devices]]
        name = "scanner"
        password_hash = "{SCANNER["password_hash"]}"
        networks = ["127.0.0.1"]
        send_as = "scan@contoso.com"
        """
        + "\n".join(more)
    )
    return file


class Edge:
    """A running edge and where it listens."""

    program: type[Child] = Child

    def __init__(self, file: Path, **environment: str) -> None:
        self.child = self.program(
            [sys.executable, "-m", "edge", "--config", file],
            environment=os.environ | environment,
        )
        ready = json.loads(self.child.wait_for(lambda line: '"ready"' in line, 20))
        self.monitor: str = ready["monitor"]
        self.ports = {
            name: int(place.rpartition(":")[2]) for name, place in ready["listeners"].items()
        }

    def get(self, path: str) -> tuple[int, Any]:
        try:
            with urllib.request.urlopen(f"http://{self.monitor}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def events(self, name: str) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.child.lines if line.startswith("{")]
        return [line for line in lines if line["event"] == name]

    def send(
        self,
        mail: bytes = MAIL,
        to: tuple[str, ...] = ("ann@contoso.com",),
        source: str = "127.0.0.1",
    ) -> str:
        """Send over the `lan` listener from address `source` and answer the id of the 250."""
        port = self.ports["lan"]
        with smtplib.SMTP("127.0.0.1", port, timeout=30, source_address=(source, 0)) as client:
            client.ehlo()
            client.mail("scan@contoso.com")
            for path in to:
                client.rcpt(path)
            code, text = client.data(mail)

        assert code == 250
        return text.decode().rpartition(" ")[2]

    def send_and_leave(self, mail: bytes = MAIL) -> None:
        """Send over the `lan` listener, and hear no reply to the last dot."""
        with socket.create_connection(("127.0.0.1", self.ports["lan"]), timeout=30) as client:
            for line in ("HELO x", "MAIL FROM:<scan@contoso.com>", "RCPT TO:<ann@contoso.com>"):
                client.recv(1000)
                client.sendall(f"{line}\r\n".encode())
            client.recv(1000)
            client.sendall(b"DATA\r\n")
            client.recv(1000)
            client.sendall(mail + b".\r\n")
