"""Start the parts of the relay on this machine, from right to left, and stop them again.

Azurite stands in for Azure Storage, the simulator for Microsoft Graph and the managed identity,
the local host for Azure Functions; the edge and the function app are the real ones. Each is a
process of its own and listens on loopback alone.
"""

import json
import os
import secrets
import socket
import string
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from console.commands.console import PORT as CONSOLE_PORT
from console.place import EDGE_CONFIG
from edge.credentials import hash_password
from handoff.account import MAIL_STORAGE
from local.azurite import Azurite
from local.child import Child, ChildFailed
from local.graph_simulator.client import SimulatorClient
from local.stations import Stations

DEVICE = "scanner"
MAILBOX = "scanner@contoso.com"
ROOT = Path(__file__).parent.parent
_START_SECONDS = 60
_ANY = (0, 0)
_LETTERS = "".join(c for c in string.ascii_letters + string.digits if c not in "0O1lI")
Step = Callable[[str], AbstractContextManager[None]]


@dataclass(frozen=True)
class Relay:
    """What runs, and how to reach it."""

    submission_port: int
    monitor_port: int
    console: str
    """The address of the web console."""
    password: str
    certificate: Path
    simulator: SimulatorClient
    stations: Stations
    parts: dict[str, Child]


@contextmanager
def running(kept: Path, submission_port: int, monitor_port: int, step: Step) -> Iterator[Relay]:
    """The running relay; `step` surrounds the start of each part.

    What it writes lies in `kept` and goes with the end, but for the certificate, which a mail
    program may have learnt to trust. Raises ChildFailed or AzuriteFailed.
    """
    kept.mkdir(exist_ok=True)
    stations = Stations()
    parts: dict[str, Child] = {}
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="up-", dir=kept)))
        with step("Graph simulator"):
            parts["Graph simulator"], simulator = _started_simulator(stack)
        with step("Azurite"):
            account = stack.enter_context(Azurite(directory / "azurite")).provision()
        with step("Function app"):
            parts["Function app"] = _started_function_app(account, simulator, stations, stack)
        with step("Edge"):
            password = "".join(secrets.choice(_LETTERS) for _ in range(16))
            edge = _EdgeSettings(directory, account, password, kept / "tls")
            wanted = _if_free(submission_port), _if_free(monitor_port)
            parts["Edge"], ports = _started_edge(edge, wanted, stations, stack)
        with step("Console"):
            parts["Console"], shown_at = _started_console(account, simulator, edge.file, stack)
        yield Relay(
            *ports, shown_at, password, edge.tls / "certificate.pem", simulator, stations, parts
        )


def _started_simulator(stack: ExitStack) -> tuple[Child, SimulatorClient]:
    child = stack.enter_context(
        Child([sys.executable, "-m", "local.graph_simulator", "--port", "0"])
    )
    address = child.wait_for(lambda line: line.startswith("http://"), _START_SECONDS)
    return child, stack.enter_context(SimulatorClient(address))


def _started_function_app(
    account: str, simulator: SimulatorClient, stations: Stations, stack: ExitStack
) -> Child:
    child = stack.enter_context(
        Child(
            [sys.executable, "-m", "local.functions_host"],
            environment=_app_settings(account, simulator),
            directory=ROOT,
            on_line=stations.read_line,
        )
    )
    child.wait_for(lambda line: line == "ready", _START_SECONDS)
    return child


def _started_edge(
    settings: "_EdgeSettings", wanted: tuple[int, int], stations: Stations, stack: ExitStack
) -> tuple[Child, tuple[int, int]]:
    """The edge, and on which ports: others when somebody took those since we looked."""
    for ports in (wanted, _ANY):
        settings.write(ports)
        command: list[str | Path] = [sys.executable, "-m", "edge", "--config", settings.file]
        edge = stack.enter_context(Child(command, directory=ROOT, on_line=stations.read_line))
        try:
            taken = _ports(edge.wait_for(_is_ready, _START_SECONDS))
        except ChildFailed as fault:
            if "address already in use" not in str(fault) or ports == _ANY:
                raise
        else:
            # With the ports that it has, for the console and for `relay` in another terminal.
            settings.write(taken)
            return edge, taken
    raise AssertionError("port 0 is always free")


def _started_console(
    account: str, simulator: SimulatorClient, settings: Path, stack: ExitStack
) -> tuple[Child, str]:
    """The web console and its address, in the same way."""
    for port in (_if_free(CONSOLE_PORT), 0):
        command = [sys.executable, "-m", "console", "console", "--port", str(port)]
        console = stack.enter_context(
            Child(
                [*command, "--simulator", simulator.address],
                environment=os.environ | {MAIL_STORAGE: account, EDGE_CONFIG: str(settings)},
                directory=ROOT,
            )
        )
        try:
            return console, console.wait_for(lambda line: line.startswith("http"), _START_SECONDS)
        except ChildFailed as fault:
            if "address already in use" not in str(fault) or port == 0:
                raise
    raise AssertionError("port 0 is always free")


def _is_ready(line: str) -> bool:
    return '"event":"ready"' in line


def _app_settings(account: str, simulator: SimulatorClient) -> dict[str, str]:
    """What the function app finds in Azure: a managed identity, and where Graph is."""
    return os.environ | {
        MAIL_STORAGE: account,
        "GRAPH_ENDPOINT": simulator.address,
        "IDENTITY_ENDPOINT": simulator.identity_endpoint,
        "IDENTITY_HEADER": simulator.identity_header,
        "PYTHON_THREADPOOL_THREAD_COUNT": "32",
    }


_EDGE_TOML = """
site = "local"
hostname = "localhost"

[storage]
connection_string = "{account}"

[spool]
directory = "{directory}/spool"

[tls]
source = "self-signed"
certificate = "{tls}/certificate.pem"
key = "{tls}/key.pem"

[monitor]
address = "127.0.0.1:{monitor}"

[log]
format = "json"

[[listeners]]
name = "submission"
address = "127.0.0.1:{submission}"

[[devices]]
name = "{device}"
password_hash = "{password_hash}"
send_as = "{mailbox}"
"""


@dataclass(frozen=True)
class _EdgeSettings:
    """`edge.toml` in `directory`, and what stands in it whatever the ports are."""

    directory: Path
    account: str
    password: str
    tls: Path

    @property
    def file(self) -> Path:
        return self.directory / "edge.toml"

    def write(self, ports: tuple[int, int]) -> None:
        submission, monitor = ports
        text = _EDGE_TOML.format(
            account=self.account,
            directory=self.directory,
            tls=self.tls,
            submission=submission,
            monitor=monitor,
            device=DEVICE,
            password_hash=hash_password(self.password),
            mailbox=MAILBOX,
        )
        self.file.touch(mode=0o600)
        self.file.write_text(text, "utf-8")


def _if_free(port: int) -> int:
    """`port`, or 0, which is any free one, when it is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return 0
        return port


def _ports(ready: str) -> tuple[int, int]:
    """Where the edge takes mail, and where it is watched, as its event `ready` tells."""
    event = json.loads(ready)
    places = event["listeners"]["submission"], event["monitor"]
    submission, monitor = (int(place.rpartition(":")[2]) for place in places)
    return submission, monitor
