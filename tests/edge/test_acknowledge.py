"""When the 250 is said: as soon as the mail is on the disk, or when the queue has it, too."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.settings_file import SettingsError, load
from handoff.storage import Storage
from handoff.ticket import decode
from tests.builders import MAIL
from tests.edge.program import NOWHERE, Edge, config
from tests.edge.test_drain import Sender
from tests.function_app.faulty_storage import Fault, faulty_storage

QUEUED = 'acknowledge = "queued"\nacknowledge_wait = {wait}\n'


def settings(directory: Path, account: str, wait: float) -> Path:
    file = config(directory, account)
    file.write_text(QUEUED.format(wait=wait) + file.read_text())
    return file


@pytest.fixture
def patient(tmp_path: Path, mail_account: str) -> Iterator[Edge]:
    edge = Edge(settings(tmp_path, mail_account, 20))
    yield edge
    edge.child.kill()


def test_the_250_comes_when_the_ticket_is_in_the_queue(patient: Edge, storage: Storage) -> None:
    large = MAIL + b"0123456789\r\n" * 30_000
    for mail in (MAIL, large, MAIL):
        mail_id = patient.send(mail)
        (message,) = storage.outbound.receive_messages()
        storage.outbound.delete_message(message)

        assert decode(message.content).id == mail_id


def test_a_queue_that_answers_late_is_waited_for(tmp_path: Path, mail_account: str) -> None:
    fault = Fault("refuse", "Queue", "POST", "/outbound/messages", times=2)
    with faulty_storage(mail_account, fault) as way:
        edge = Edge(settings(tmp_path, way, 20))
        edge.send()
        edge.child.kill()

    assert fault.calls == 3


def test_after_its_wait_the_disk_has_to_do(tmp_path: Path) -> None:
    edge = Edge(settings(tmp_path, NOWHERE, 0.5))
    began = time.monotonic()
    mail_id = edge.send()
    took = time.monotonic() - began
    edge.child.wait_for(lambda line: '"acknowledged_early"' in line and mail_id in line, 5)
    edge.child.kill()

    assert 0.5 <= took < 5


def test_a_client_that_leaves_while_it_waits_has_sent_its_mail(
    tmp_path: Path, storage: Storage, mail_account: str
) -> None:
    fault = Fault("refuse", "Queue", "POST", "/outbound/messages", times=2)
    with faulty_storage(mail_account, fault) as way:
        edge = Edge(settings(tmp_path, way, 20))
        edge.send_and_leave()
        edge.child.wait_for(lambda line: '"queued"' in line, 15)
        edge.child.kill()

    assert len(list(storage.outbound.receive_messages())) == 1


def test_a_stop_lets_those_finish_that_wait(tmp_path: Path) -> None:
    edge = Edge(settings(tmp_path, NOWHERE, 1.5))
    sender = Sender(edge)
    sender.client.send(b".\r\n")
    edge.child.wait_for(lambda line: '"spooled"' in line, 5)
    edge.child.send(signal.SIGTERM)

    code, _ = sender.client.getreply()

    assert code == 250
    assert edge.child.wait(10) == 0

    sender.client.close()
    edge.child.stop()


def test_the_wait_ends_before_the_session_does(tmp_path: Path) -> None:
    file = settings(tmp_path, NOWHERE, 300)

    with pytest.raises(SettingsError, match=r"shorter than limits\.idle_timeout"):
        load(file, {})
