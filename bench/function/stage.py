"""Azurite, a Graph that takes its time, and two contestants that send the same mails to it."""

import os
import signal
import sys
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from handoff.account import Account
from handoff.ids import new_id
from handoff.storage import Storage
from handoff.ticket import Content, Envelope, SendAs, Ticket, encode
from local.azurite import Azurite
from local.child import Child
from local.graph_simulator.client import SimulatorClient

ROOT = Path(__file__).parents[2]
SECONDS_A_SEND = 0.2
MAILBOXES = 50
_TICKS = os.sysconf("SC_CLK_TCK")
_START_SECONDS = 60
_RUN_SECONDS = 120


@dataclass(frozen=True)
class Run:
    """What a contestant did."""

    mails_a_second: float
    cpu_milliseconds_a_mail: float
    connections: int


@dataclass(frozen=True)
class Stage:
    """What both send through."""

    storage: Storage
    connection_string: str
    graph: SimulatorClient

    def relay(self, mails: int, threads: int) -> Run:
        """The function app under the local host, with as many threads."""
        settings = {
            "MailStorage": self.connection_string,
            "GRAPH_ENDPOINT": self.graph.address,
            "IDENTITY_ENDPOINT": self.graph.identity_endpoint,
            "IDENTITY_HEADER": self.graph.identity_header,
            "RELAY_MAILBOX_RATE": "0",
            "PYTHON_THREADPOOL_THREAD_COUNT": str(threads),
        }
        self._prepare()
        command = [sys.executable, "-m", "local.functions_host"]
        with Child(command, environment=os.environ | settings, directory=ROOT) as host:
            host.wait_for(lambda line: line == "ready", _START_SECONDS)
            self._queue(1)
            self._wait_for(1)
            os.kill(host.pid, signal.SIGSTOP)  # so that it does not begin before all are there
            self._queue(mails)
            before = _cpu_seconds(host.pid)
            os.kill(host.pid, signal.SIGCONT)
            self._wait_for(1 + mails)
            return self._run(mails, threads, _cpu_seconds(host.pid) - before)

    def bare(self, mails: int, threads: int) -> Run:
        """Nothing but the requests, from as many threads."""
        self._prepare()
        command = [sys.executable, "-m", "bench.function.bare"]
        endpoint = [self.graph.address, self.graph.identity_endpoint, self.graph.identity_header]
        with Child([*command, *endpoint, str(threads), str(mails)], directory=ROOT) as bare:
            bare.wait_for(lambda line: line == "ready", _START_SECONDS)
            before = _cpu_seconds(bare.pid)
            bare.send(signal.SIGUSR1)
            self._wait_for(mails)
            bare.wait_for(lambda line: line == "done", _RUN_SECONDS)
            return self._run(mails, threads, _cpu_seconds(bare.pid) - before)

    def _prepare(self) -> None:
        self.graph.reset()
        self.graph.rule(delay=SECONDS_A_SEND)

    def _queue(self, mails: int) -> None:
        for number in range(mails):
            self.storage.outbound.send_message(encode(_ticket(number)), time_to_live=-1)

    def _wait_for(self, mails: int) -> None:
        give_up_at = time.monotonic() + _RUN_SECONDS
        while self.graph.state()["mails"] < mails:
            if time.monotonic() > give_up_at:
                raise TimeoutError(f"{self.graph.state()['mails']} of {mails} mails were sent")
            time.sleep(0.1)

    def _run(self, mails: int, threads: int, cpu_seconds: float) -> Run:
        calls = self.graph.requests("sendMail")[-mails:]
        # From the first mail of each thread to the last: how it begins and ends does not count.
        moments = [datetime.fromisoformat(call["at"]) for call in calls[threads : 1 - threads]]
        seconds = (moments[-1] - moments[0]).total_seconds()
        return Run(
            mails_a_second=(len(moments) - 1) / seconds,
            cpu_milliseconds_a_mail=cpu_seconds / mails * 1000,
            connections=len({call["connection"] for call in calls}),
        )


@contextmanager
def stage(directory: Path) -> Iterator[Stage]:
    command = [sys.executable, "-m", "local.graph_simulator", "--port", "0"]
    with Azurite(directory) as azurite, Child(command, directory=ROOT) as simulator:
        address = simulator.wait_for(lambda line: line.startswith("http://"), _START_SECONDS)
        connection_string = azurite.provision()
        account = Account(connection_string=connection_string)
        with SimulatorClient(address) as graph, Storage(account) as storage:
            yield Stage(storage, connection_string, graph)


def mime(number: int) -> bytes:
    return (
        (
            f"From: {mailbox(number)}\r\nTo: ann@contoso.com\r\nSubject: Scan {number}\r\n"
            f"Date: Sat, 21 Nov 2026 05:00:00 +0000\r\nMessage-ID: <{number}@contoso.com>\r\n\r\n"
        ).encode()
        + b"0123456789abcdef" * 124
        + b"\r\n"
    )


def mailbox(number: int) -> str:
    return f"device-{number % MAILBOXES}@contoso.com"


def _ticket(number: int) -> Ticket:
    octets, now = mime(number), datetime.now(UTC)
    return Ticket(
        v=1,
        kind="mail",
        id=new_id(now),
        received_at=now,
        envelope=Envelope(reverse_path=mailbox(number), forward_paths=("ann@contoso.com",)),
        send_as=SendAs(mailbox=mailbox(number)),
        content=Content(
            size=len(octets),
            sha256=sha256(octets).hexdigest(),
            mime=b64encode(octets).decode("ascii"),
        ),
    )


def _cpu_seconds(pid: int) -> float:
    # The name in the second field may hold spaces.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS
