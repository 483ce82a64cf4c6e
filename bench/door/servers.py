"""The contestants, each started for one measurement on core 0 and gone after it."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from argon2 import PasswordHasher

from edge.certificates import make_self_signed
from edge.settings import TlsSettings
from local.child import Child

_START_SECONDS = 30
SERVER_CORE = "0"
CLIENT_CORE = "1"
SIZE_LIMIT = 60_000_000
LOGIN, PASSWORD = "bench", "Correct-Horse-16"
_NOWHERE = (
    "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=dGVzdA==;"
    "QueueEndpoint=http://127.0.0.2:9/a;BlobEndpoint=http://127.0.0.2:9/a;"
)


@dataclass(frozen=True)
class Server:
    """A running contestant."""

    port: int
    pid: int
    tls_port: int = 0
    """Where STARTTLS and a sign-in are wanted."""


def pinned(*command: str | Path) -> list[str | Path]:
    return ["taskset", "-c", SERVER_CORE, *command]


@contextmanager
def relay(directory: Path, preload: str = "") -> Iterator[Server]:
    """The edge as it is delivered, with policy, log and metrics; its storage is out of reach."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    config = directory / "edge.toml"
    config.write_text(_edge_toml(directory))
    environment = os.environ | ({"LD_PRELOAD": preload} if preload else {})
    command = pinned(sys.executable, "-m", "edge", "--config", config)
    with Child(command, environment=environment) as child:
        ready = child.wait_for(lambda line: '"ready"' in line, 30)
        ports = _listeners(ready)
        yield Server(ports["plain"], child.pid, ports["tls"])


@contextmanager
def stock(directory: Path, preload: str = "") -> Iterator[Server]:
    """aiosmtpd as it comes, which keeps nothing."""
    certificate, key = directory / "certificate.pem", directory / "key.pem"
    if not certificate.exists():
        directory.mkdir(parents=True, exist_ok=True)
        tls = TlsSettings(certificate=certificate, key=key)
        make_self_signed(tls, "localhost", datetime.now(UTC))
        (directory / "password_hash").write_text(PasswordHasher().hash(PASSWORD))
    plain = pinned(sys.executable, "-m", "bench.door.stock")
    with Child(plain) as child, Child([*plain, directory]) as over_tls:
        ports = [int(each.wait_for(str.isdecimal, 30)) for each in (child, over_tls)]
        yield Server(ports[0], child.pid, ports[1])


@contextmanager
def sink(directory: Path, preload: str = "") -> Iterator[Server]:
    """Postfix's smtp-sink: nothing but the protocol, in C."""
    port = 20_000 + os.getpid() % 10_000
    with Child(pinned("smtp-sink", "-u", "root", f"127.0.0.1:{port}", "1000")) as child:
        _wait_until_open(port)
        yield Server(port, child.pid)


def _wait_until_open(port: int) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)


@contextmanager
def postfix(directory: Path, preload: str = "") -> Iterator[Server]:
    """Postfix at its best: each mail fsynced into the hold queue, and no more done with it."""
    port = 30_000 + os.getpid() % 10_000
    _configure_postfix(directory, port, preload)
    _quietly(pinned("postfix", "-c", directory / "etc", "start"))
    try:
        pid = int((directory / "spool/pid/master.pid").read_text())
        yield Server(port, pid)
    finally:
        _quietly(["postfix", "-c", directory / "etc", "stop"])


def _quietly(command: list[str | Path]) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _listeners(ready: str) -> dict[str, int]:
    places: dict[str, str] = json.loads(ready)["listeners"]
    return {name: int(place.rpartition(":")[2]) for name, place in places.items()}


def _edge_toml(directory: Path) -> str:
    return f"""
        site = "bench"
        hostname = "localhost"
        drain_timeout = 0.1
        [storage]
        connection_string = "{_NOWHERE}"
        [spool]
        directory = "{directory}/spool"
        [limits]
        message_size = {SIZE_LIMIT}
        connections = 5000
        connections_per_address = 5000
        [tls]
        certificate = "{directory}/tls/certificate.pem"
        key = "{directory}/tls/key.pem"
        [monitor]
        address = "127.0.0.1:0"
        [log]
        format = "json"
        [[listeners]]
        name = "plain"
        address = "127.0.0.1:0"
        tls = "none"
        auth = "off"
        [[listeners]]
        name = "tls"
        address = "127.0.0.1:0"
        [[devices]]
        name = "{LOGIN}"
        networks = ["127.0.0.1"]
        password_hash = "{PasswordHasher().hash(PASSWORD)}"
        send_as = "bench@contoso.com"
        """


def _configure_postfix(directory: Path, port: int, preload: str) -> None:
    etc, spool, data = (directory / name for name in ("etc", "spool", "data"))
    shutil.rmtree(directory, ignore_errors=True)
    for folder in (etc, spool, data):
        folder.mkdir(parents=True)
    shutil.chown(data, "postfix")
    settings: dict[str, str | int | Path] = {
        "compatibility_level": "3.6",
        "queue_directory": spool,
        "data_directory": data,
        "inet_interfaces": "127.0.0.1",
        "inet_protocols": "ipv4",
        "myhostname": "localhost",
        "mydestination": "",
        "mynetworks": "127.0.0.0/8",
        "alias_maps": "",
        "smtpd_sender_restrictions": "check_client_access static:HOLD",
        "default_process_limit": 250,
        "smtpd_client_connection_count_limit": 0,
        "smtpd_client_connection_rate_limit": 0,
        "in_flow_delay": 0,
        "message_size_limit": SIZE_LIMIT,
        "maillog_file": "/dev/null",
        "maillog_file_prefixes": "/dev",
    }
    if preload:
        settings["import_environment"] = f"MAIL_CONFIG TZ LD_PRELOAD={preload}"
    lines = [f"{name} = {value}" for name, value in settings.items()]
    (etc / "main.cf").write_text("\n".join(lines) + "\n")
    shared = Path("/etc/postfix/master.cf.proto").read_text().splitlines()
    services = [line.replace(" y ", " n ", 3) for line in shared if not line.startswith("#")]
    door = f"127.0.0.1:{port}"
    services = [
        door + line[4:] if line.startswith("smtp ") and "inet" in line else line
        for line in services
    ]
    (etc / "master.cf").write_text("\n".join(services) + "\n")
