"""An edge to be tested, with a door of every kind."""

import json
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edge.credentials import hash_password
from local.child import Child

LOGIN, PASSWORD = "scanner", "K7mQ2xVt9RpH4wNe"
_START_SECONDS = 30
_NOWHERE = (
    "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=dGVzdA==;"
    "QueueEndpoint=http://127.0.0.1:9/a;BlobEndpoint=http://127.0.0.1:9/a;"
)
_SETTINGS = """
hostname = "localhost"
drain_timeout = 1
[storage]
connection_string = "{storage}"
[spool]
directory = "{directory}/spool"
[tls]
certificate = "{directory}/tls/certificate.pem"
key = "{directory}/tls/key.pem"
[monitor]
address = "127.0.0.1:0"
[log]
format = "json"
[[listeners]]
name = "submission"
address = "127.0.0.1:0"
[[listeners]]
name = "lan"
address = "127.0.0.1:0"
tls = "none"
profile = "legacy"
auth = "off"
[[listeners]]
name = "legacy"
address = "127.0.0.1:0"
profile = "legacy"
auth = "optional"
[[devices]]
name = "{login}"
password_hash = "{password_hash}"
networks = ["{network}"]
send_as = "scan@contoso.com"
"""


@dataclass(frozen=True)
class Target:
    """A running edge that keeps all mail in its spool: its storage account is nowhere."""

    ports: dict[str, int]
    directory: Path
    """Where a suite may leave its files."""
    _monitor: str
    _edge: Child

    @property
    def mails(self) -> int:
        """How many mails it has taken."""
        with urllib.request.urlopen(f"http://{self._monitor}/ready", timeout=10) as answer:
            count: int = json.load(answer)["spool"]["mails"]
        return count

    def faults(self) -> list[str]:
        """What it has logged as a fault of its own."""
        return [line for line in self._edge.lines if '"level":"error"' in line]


@contextmanager
def target(directory: Path, network: str) -> Iterator[Target]:
    """An edge whose one device may send from `network` without signing in."""
    directory.mkdir()
    file = directory / "edge.toml"
    file.write_text(
        _SETTINGS.format(
            storage=_NOWHERE,
            directory=directory,
            login=LOGIN,
            password_hash=hash_password(PASSWORD),
            network=network,
        )
    )
    with Child([sys.executable, "-m", "edge", "--config", file]) as edge:
        ready = json.loads(edge.wait_for(lambda line: '"event":"ready"' in line, _START_SECONDS))
        ports = {name: int(at.rpartition(":")[2]) for name, at in ready["listeners"].items()}
        yield Target(ports, directory, ready["monitor"], edge)
