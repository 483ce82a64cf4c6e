"""The whole relay, and the one that sends inside DATA, each with the same clients before it."""

import json
import os
import signal
import smtplib
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from local.azurite import Azurite
from local.child import Child
from local.graph_simulator.client import SimulatorClient

MAILBOXES = 32
SECONDS_A_SEND = 0.1
_ROOT = Path(__file__).parents[2]
_START_SECONDS = 60
_RUN_SECONDS = 300


@dataclass(frozen=True)
class Road:
    """A Graph that takes its time, and what leads to it."""

    directory: Path
    azurite: Azurite
    graph: SimulatorClient

    def relay(self, mails: int) -> float:
        """Mails a second that reach Graph through edge, queue and function app."""
        self._prepare()
        account = self.azurite.provision()
        settings = {
            "MailStorage": account,
            "GRAPH_ENDPOINT": self.graph.address,
            "IDENTITY_ENDPOINT": self.graph.identity_endpoint,
            "IDENTITY_HEADER": self.graph.identity_header,
            "RELAY_MAILBOX_RATE": "0",
            "PYTHON_THREADPOOL_THREAD_COUNT": "32",
        }
        config = self.directory / "edge.toml"
        config.write_text(_edge_toml(self.directory, account))
        host_command = [sys.executable, "-m", "local.functions_host"]
        edge_command = [sys.executable, "-m", "edge", "--config", str(config)]
        with (
            Child(host_command, environment=os.environ | settings, directory=_ROOT) as host,
            Child(edge_command, directory=_ROOT) as edge,
        ):
            host.wait_for(lambda line: line == "ready", _START_SECONDS)
            ready = json.loads(edge.wait_for(lambda line: '"ready"' in line, _START_SECONDS))
            rate = self._measure(int(ready["listeners"]["lan"].rpartition(":")[2]), mails)
            edge.send(signal.SIGTERM)
            return rate

    def inside(self, mails: int) -> float:
        """Mails a second of the relay that sends inside DATA."""
        self._prepare()
        endpoint = [self.graph.address, self.graph.identity_endpoint, self.graph.identity_header]
        command = [sys.executable, "-m", "bench.end_to_end.inside", *endpoint]
        with Child(command, directory=_ROOT) as child:
            return self._measure(int(child.wait_for(str.isdecimal, _START_SECONDS)), mails)

    def _prepare(self) -> None:
        self.graph.reset()
        self.graph.rule(delay=SECONDS_A_SEND)

    def _measure(self, port: int, mails: int) -> float:
        with ThreadPoolExecutor(MAILBOXES) as devices:
            share = mails // MAILBOXES
            list(devices.map(lambda number: _send(port, number, share), range(MAILBOXES)))
        wanted = share * MAILBOXES
        give_up_at = time.monotonic() + _RUN_SECONDS
        while self.graph.state()["mails"] < wanted:
            if time.monotonic() > give_up_at:
                raise TimeoutError(f"{self.graph.state()['mails']} of {wanted} mails were sent")
            time.sleep(0.1)
        calls = self.graph.requests("sendMail")
        first, last = (datetime.fromisoformat(calls[end]["at"]) for end in (0, -1))
        return (len(calls) - 1) / (last - first).total_seconds()


@contextmanager
def road(directory: Path) -> Iterator[Road]:
    command = [sys.executable, "-m", "local.graph_simulator", "--port", "0"]
    with (
        Azurite(directory / "azurite") as azurite,
        Child(command, directory=_ROOT) as simulator,
    ):
        address = simulator.wait_for(lambda line: line.startswith("http://"), _START_SECONDS)
        with SimulatorClient(address) as graph:
            yield Road(directory, azurite, graph)


def _send(port: int, number: int, mails: int) -> None:
    """One device, known by its address, on a connection that stays open."""
    source = f"127.0.1.{number + 1}", 0
    with smtplib.SMTP("127.0.0.1", port, source_address=source, timeout=_RUN_SECONDS) as client:
        for mail in range(mails):
            client.sendmail(_mailbox(number), ["ann@contoso.com"], _mime(number, mail))


def _mailbox(number: int) -> str:
    return f"device-{number}@contoso.com"


def _mime(number: int, mail: int) -> bytes:
    head = f"From: {_mailbox(number)}\r\nTo: ann@contoso.com\r\nSubject: Scan {mail}\r\n"
    head += f"Date: Sat, 21 Nov 2026 05:00:00 +0000\r\nMessage-ID: <{mail}.{number}@x>\r\n\r\n"
    return head.encode() + (b"0123456789abcdef" * 4 + b"\r\n") * 30


def _edge_toml(directory: Path, account: str) -> str:
    devices = "".join(
        f"""
        [[devices]]
        name = "device-{number}"
        networks = ["127.0.1.{number + 1}"]
        send_as = "{_mailbox(number)}"
        """
        for number in range(MAILBOXES)
    )
    return f"""
        site = "bench"
        [storage]
        connection_string = "{account}"
        [spool]
        directory = "{directory}/spool"
        [monitor]
        address = "127.0.0.1:0"
        [log]
        format = "json"
        [[listeners]]
        name = "lan"
        address = "127.0.0.1:0"
        tls = "none"
        auth = "off"
        {devices}
        """
