"""No name is found: mail is taken at full pace all the same, and goes by itself when it is."""

import json
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from handoff.storage import Storage
from handoff.ticket import decode
from tests.edge.program import config
from tests.function_app.host import wait_until
from tests.torture.disks import Edge, a_resolver, needs_compiler
from torture.machine import by_name

pytestmark = needs_compiler
MAILS = 32
HANG_SECONDS = 3.0
FAULTS = {
    "no name server": (socket.EAI_AGAIN, 0.0),
    "name unknown": (socket.EAI_NONAME, 0.0),
    "name server hangs": (socket.EAI_AGAIN, HANG_SECONDS),
}


def send_many(edge: Edge) -> tuple[set[str], float]:
    """The ids of the mails, and the seconds that it took."""
    began = time.monotonic()
    with ThreadPoolExecutor(8) as clients:
        ids = set(clients.map(lambda _: edge.send(), range(MAILS)))
    return ids, time.monotonic() - began


def in_the_queue(storage: Storage) -> set[str]:
    pages = storage.outbound.receive_messages(messages_per_page=32)
    return {decode(message.content).id for message in pages}


@pytest.mark.parametrize(("error", "seconds"), FAULTS.values(), ids=FAULTS)
def test_the_edge_takes_mail_without_names_and_forwards_it_by_itself(
    error: int, seconds: float, tmp_path: Path, mail_account: str, storage: Storage
) -> None:
    resolver = a_resolver(tmp_path)
    resolver.fail(error, seconds)
    edge = Edge(config(tmp_path, by_name(mail_account)), **resolver.environment())
    sent, took = send_many(edge)
    if seconds:
        assert took < seconds
    edge.child.wait_for(lambda line: '"uplink_down"' in line, 10)

    assert json.loads(edge.get("/ready")[1])["status"] == "degraded"

    resolver.heal()
    wait_until(lambda: '"mails": 0' in edge.get("/ready")[1], "the spool is empty")
    edge.child.kill()

    assert in_the_queue(storage) == sent


def test_an_edge_whose_names_hang_ends_in_time(tmp_path: Path, mail_account: str) -> None:
    resolver = a_resolver(tmp_path)
    resolver.fail(socket.EAI_AGAIN, 60)
    file = config(tmp_path, by_name(mail_account))
    file.write_text(file.read_text().replace("drain_timeout = 3", "drain_timeout = 1"))
    edge = Edge(file, **resolver.environment())
    edge.send()
    edge.child.send(signal.SIGTERM)

    assert edge.child.wait(10) == 0
    edge.child.kill()
