"""SIGTERM: nobody new, what is under way ends, in bounded time, with exit code 0."""

import signal
import smtplib
import socket
import time
from pathlib import Path

import pytest

from edge.settings import SpoolSettings
from edge.spool import Spool
from handoff.storage import Storage
from tests.builders import MAIL
from tests.edge.program import NOWHERE, Edge, config
from tests.function_app.faulty_storage import Fault, faulty_storage

DRAIN_SECONDS = 3  # of `config`


class Sender:
    """A client in the middle of DATA."""

    def __init__(self, edge: Edge) -> None:
        self.client = smtplib.SMTP("127.0.0.1", edge.ports["lan"], timeout=20)
        self.client.ehlo()
        self.client.mail("scan@contoso.com")
        self.client.rcpt("ann@contoso.com")
        self.client.docmd("DATA")
        self.client.send(MAIL)

    def finish(self) -> int:
        self.client.send(b".\r\n")
        code, _ = self.client.getreply()
        return code


async def waiting(directory: Path) -> int:
    spool = Spool.open(SpoolSettings(directory=directory / "spool"))
    await spool.close()
    return int(spool.messages)


def stop(edge: Edge) -> float:
    edge.child.send(signal.SIGTERM)
    return time.monotonic()


def wait_until_closed(edge: Edge) -> None:
    give_up_at = time.monotonic() + 10
    while time.monotonic() < give_up_at:
        try:
            socket.create_connection(("127.0.0.1", edge.ports["lan"]), timeout=5).close()
        except ConnectionError:
            return
        time.sleep(0.02)
    raise AssertionError("the door stays open")


async def test_a_sender_that_never_ends_holds_the_stop_up_for_so_long_and_no_longer(
    tmp_path: Path,
) -> None:
    edge = Edge(config(tmp_path, NOWHERE))
    stuck, quick = Sender(edge), Sender(edge)
    began = stop(edge)
    wait_until_closed(edge)

    assert quick.finish() == 250
    assert edge.child.wait(10) == 0
    assert DRAIN_SECONDS <= time.monotonic() - began < DRAIN_SECONDS + 4

    stuck.client.close()
    quick.client.close()
    edge.child.stop()
    assert await waiting(tmp_path) == 1


async def test_what_the_queue_does_not_take_in_time_stays_on_the_disk(
    tmp_path: Path, mail_account: str, storage: Storage
) -> None:
    fault = Fault("hold", "Queue", "POST", "/outbound/messages", times=1)
    with faulty_storage(mail_account, fault) as way:
        edge = Edge(config(tmp_path, way))
        edge.send()
        assert fault.struck.wait(10)
        edge.send()
        began = stop(edge)

        assert edge.child.wait(10) == 0
        assert time.monotonic() - began < DRAIN_SECONDS + 4
    edge.child.stop()

    assert await waiting(tmp_path) == 1
    assert len(list(storage.outbound.receive_messages())) == 1


async def test_a_backlog_is_forwarded_before_the_end(
    tmp_path: Path, mail_account: str, storage: Storage
) -> None:
    edge = Edge(config(tmp_path, NOWHERE))
    for _ in range(20):
        edge.send()
    edge.child.kill()
    edge = Edge(config(tmp_path, mail_account))
    stop(edge)

    assert edge.child.wait(10) == 0

    edge.child.stop()
    queued = storage.outbound.get_queue_properties().approximate_message_count
    assert queued == 20
    assert await waiting(tmp_path) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_changes_nothing(number: signal.Signals, tmp_path: Path) -> None:
    edge = Edge(config(tmp_path, NOWHERE))
    sender = Sender(edge)
    stop(edge)
    wait_until_closed(edge)
    edge.child.send(number)

    assert sender.finish() == 250
    assert edge.child.wait(10) == 0

    sender.client.close()
    edge.child.stop()
