"""The whole relay as processes of their own, each of which can be killed and started again."""

import json
import os
import shutil
import socket
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from handoff.account import Account as StorageAccount
from handoff.storage import Storage
from local.azurite import Azurite
from local.child import Child
from local.graph_simulator.client import SimulatorClient
from torture.clients import address_of
from torture.disk import FaultyDisk
from torture.leases import forget_leases
from torture.resolver import FaultyResolver
from torture.way import Way

DEVICES = 12
_ROOT = Path(__file__).parent.parent
_START_SECONDS = 60
_STOP_SECONDS = 20
_TENANT = "72f988bf-0000-0000-0000-000000000000"
_APPLICATION = "11111111-2222-3333-4444-555555555555"
_SECRET = "s3cr3t~of.the-application"
_LEASE_SECONDS = 3


class Machine:
    """What runs. Made by `running`.

    A part dies with the thread that started it: whoever restarts one must live until the end.
    """

    def __init__(
        self,
        directory: Path,
        azurite: Azurite,
        way: Way,
        simulator: SimulatorClient,
        program: type[Child],
    ) -> None:
        self.directory = directory
        self._program = program
        self.spool = directory / "spool"
        self.spool_before = directory / "spool-before"
        """The spool as the edge found it at its start."""
        self.disk = FaultyDisk(self.spool, directory / "workshop")
        self.resolver = FaultyResolver(directory / "workshop")
        self.way = way
        self.simulator = simulator
        self.storage = Storage(StorageAccount(connection_string=azurite.connection_string()))
        self.port, self.monitor_port = _free_port(), _free_port()
        self._azurite = azurite
        self._edge: Child | None = None
        self._hosts: list[Child] = []

    # The edge.

    def start_edge(self) -> None:
        self.disk.record.unlink(missing_ok=True)
        shutil.rmtree(self.spool_before, ignore_errors=True)
        self.spool.mkdir(exist_ok=True)
        shutil.copytree(self.spool, self.spool_before)
        command: list[str | Path] = [sys.executable, "-m", "edge", "--config", self._settings()]
        disk, resolver = self.disk.environment(), self.resolver.environment()
        preloaded = f"{disk['LD_PRELOAD']}:{resolver['LD_PRELOAD']}"
        environment = os.environ | disk | resolver | {"LD_PRELOAD": preloaded}
        self._edge = self._program(command, environment=environment, directory=_ROOT)
        self._edge.wait_for(lambda line: '"ready"' in line, _START_SECONDS)

    def kill_edge(self) -> None:
        if self._edge is not None:
            self._edge.kill()

    def stop_edge(self) -> int:
        """Its exit code."""
        return self._edge.stop(_START_SECONDS) if self._edge is not None else 0

    def edge_lives(self) -> bool:
        return self._edge is not None and self._edge.exit_code is None

    @property
    def edge_pid(self) -> int:
        assert self._edge is not None  # `running` has started it
        return self._edge.pid

    def edge_events(self, name: str) -> list[str]:
        """The ids of the mails that the running edge has logged such an event of, in order."""
        lines = self._edge.lines if self._edge is not None else []
        found = (json.loads(line) for line in lines if f'"{name}"' in line)
        return [event["id"] for event in found if event["event"] == name]

    def edge_report(self) -> dict[str, Any]:
        """What /ready says; {} when nobody answers."""
        url = f"http://127.0.0.1:{self.monitor_port}/ready"
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            with error:
                text = error.read()
        except OSError:
            return {}
        report: dict[str, Any] = json.loads(text)
        return report

    # The function app.

    def start_function(self) -> None:
        host = self._program(
            [sys.executable, "-m", "local.functions_host"],
            environment=os.environ | self._app_settings() | self.resolver.environment(),
            directory=_ROOT,
        )
        self._hosts.append(host)
        host.wait_for(lambda line: line == "ready", _START_SECONDS)

    def kill_functions(self) -> None:
        for host in self._hosts:
            host.kill()
        self._hosts.clear()

    def stop_functions(self) -> list[int]:
        """Their exit codes; what has not ended in time is killed."""
        codes = [host.stop(_STOP_SECONDS) for host in self._hosts]
        self._hosts.clear()
        return codes

    # The storage account.

    def restart_storage(self, *, without_leases: bool) -> None:
        """With SIGTERM: Azurite loses its last seconds when it is killed, as Azure does not."""
        self._azurite.stop()
        if without_leases:
            forget_leases(self._azurite.directory)
        self._azurite.start()

    def close(self) -> None:
        self.kill_functions()
        self.kill_edge()
        self.storage.__exit__(None, None, None)

    def _settings(self) -> Path:
        file = self.directory / "edge.toml"
        devices = "".join(
            f'[[devices]]\nname = "device-{number}"\nnetworks = ["{address_of(number)}"]\n'
            f'send_as = "device-{number}@contoso.com"\n'
            for number in range(DEVICES)
        )
        file.write_text(
            f"""
            site = "torture"
            hostname = "localhost"
            drain_timeout = 10
            [storage]
            connection_string = "{by_name(self.way.connection_string)}"
            [spool]
            directory = "{self.spool}"
            [forwarder]
            longest_pause = 5
            [heartbeat]
            interval = 0
            [log]
            format = "json"
            [monitor]
            address = "127.0.0.1:{self.monitor_port}"
            [[listeners]]
            name = "lan"
            address = "127.0.0.1:{self.port}"
            tls = "none"
            profile = "legacy"
            auth = "off"
            {devices}"""
        )
        return file

    def _app_settings(self) -> dict[str, str]:
        return {
            "MailStorage": by_name(self.way.connection_string),
            "GRAPH_ENDPOINT": by_name(self.simulator.address),
            "ENTRA_AUTHORITY": by_name(self.simulator.entra),
            "REQUESTS_CA_BUNDLE": self.simulator.ca_file,
            "IDENTITY__DEFAULT__CREDENTIAL": "client_secret",
            "IDENTITY__DEFAULT__TENANT_ID": _TENANT,
            "IDENTITY__DEFAULT__CLIENT_ID": _APPLICATION,
            "IDENTITY__DEFAULT__CLIENT_SECRET": _SECRET,
            "RELAY_MAILBOX_RATE": "0",
            "RELAY_HOST_LEASE_SECONDS": str(_LEASE_SECONDS),
            "PYTHON_THREADPOOL_THREAD_COUNT": "32",
        }


@contextmanager
def running(program: type[Child] = Child) -> Iterator[Machine]:
    """The running relay, in a directory that goes with the end. Raises ChildFailed.

    `program` starts the edge and the function app.
    """
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="torture-")))
        child = stack.enter_context(
            Child([sys.executable, "-m", "local.graph_simulator", "--port", "0"])
        )
        address = child.wait_for(lambda line: line.startswith("http://"), _START_SECONDS)
        simulator = stack.enter_context(SimulatorClient(address))
        simulator.know(_TENANT, _APPLICATION, _SECRET)
        ports = (_free_port(), _free_port(), _free_port())
        azurite = stack.enter_context(Azurite(directory / "azurite", ports))
        way = stack.enter_context(Way(azurite.provision()))
        machine = Machine(directory, azurite, way, simulator, program)
        stack.callback(machine.close)
        machine.start_function()
        machine.start_edge()
        yield machine


def by_name(address: str) -> str:
    """The same place, for which a resolver is asked."""
    return address.replace("127.0.0.1", "localhost")


def wait_until(is_so: Any, seconds: float) -> bool:
    """Whether it came to pass in that time."""
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.1)
    return True


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])
