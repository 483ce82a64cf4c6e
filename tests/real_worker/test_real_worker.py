"""The function app, and the local host, against the worker library that Azure itself runs.

The genuine library needs Python 3.13; without it these tests are skipped. The sample app is run
by both workers, and both must do the same.
"""

import json
import os
import shutil
from pathlib import Path

import pytest
from azure.storage.queue import QueueMessage

from handoff.dead_letters import DeadLetters
from handoff.ledger import Ledger, State
from handoff.storage import Storage
from handoff.ticket import encode
from local.graph_simulator.client import SimulatorClient
from local.setup import WORKER_VENV
from tests.builders import a_ticket
from tests.real_worker.calls import (
    GENUINE,
    IMITATED,
    ROOT,
    AnyWorker,
    queue_call,
    timer_call,
)

MISSING = "THE GENUINE FUNCTIONS WORKER IS NOT TESTED: it needs Python 3.13, then `make test`"
needs_worker = pytest.mark.skipif(not (WORKER_VENV / "installed/packages").exists(), reason=MISSING)
SAMPLE = ROOT / "tests/local/sample_app.py"


@pytest.fixture(params=[pytest.param("genuine", marks=needs_worker), "imitated"])
def worker(request: pytest.FixtureRequest) -> AnyWorker:
    return GENUINE if request.param == "genuine" else IMITATED


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    shutil.copy(SAMPLE, tmp_path / "function_app.py")
    (tmp_path / "host.json").write_text('{"version": "2.0"}')
    return tmp_path


def received(storage: Storage, text: str) -> QueueMessage:
    storage.outbound.send_message(text, time_to_live=-1)
    message = storage.outbound.receive_message(visibility_timeout=600)
    assert message is not None
    return message


def test_a_worker_finds_the_functions_and_their_triggers(worker: AnyWorker, sample: Path) -> None:
    assert worker.run(sample).functions == {
        "work": ["queueTrigger", "outbound", "MailStorage"],
        "work_async": ["queueTrigger", "second", "MailStorage"],
        "tick": ["timerTrigger", "* * * * * *"],
        "first": ["timerTrigger", "0 0 0 1 1 *"],
    }


@pytest.mark.parametrize("function", ["work", "work_async"])
def test_a_worker_hands_over_the_message_and_all_about_it(
    worker: AnyWorker, sample: Path, storage: Storage, function: str
) -> None:
    message = received(storage, "grüße \U0001f5a8")
    answer = worker.run(sample, queue_call(function, message))
    (note,) = map(json.loads, (sample / "notes").read_text().splitlines())

    assert [None] == answer.faults
    assert {**note, "at": None} == {
        "what": "grüße \U0001f5a8",
        "at": None,
        "id": message.id,
        "dequeue_count": 1,
        "pop_receipt": message.pop_receipt,
        "times": [
            str(moment)
            for moment in (message.inserted_on, message.expires_on, message.next_visible_on)
        ],
    }


@pytest.mark.parametrize("function", ["work", "work_async"])
def test_in_a_worker_an_exception_and_an_answer_are_failures(
    worker: AnyWorker, sample: Path, storage: Storage, function: str
) -> None:
    calls = [queue_call(function, received(storage, text)) for text in ("fail", "return", "x")]
    raised, answered, fine = worker.run(sample, *calls).faults

    assert raised == "ValueError: as asked"
    assert answered is not None
    assert answered.startswith("RuntimeError: ")
    assert "returned a non-None value" in answered
    assert fine is None


def test_a_worker_runs_timers(worker: AnyWorker, sample: Path) -> None:
    answer = worker.run(sample, timer_call("tick"), timer_call("first"))
    notes = [json.loads(line) for line in (sample / "notes").read_text().splitlines()]

    assert [None, None] == answer.faults
    assert [("tick", False), ("first", False)] == [(n["what"], n["past_due"]) for n in notes]


def test_a_package_wins_over_the_file_of_its_name(worker: AnyWorker, sample: Path) -> None:
    (sample / "function_app").mkdir()
    (sample / "function_app.py").rename(sample / "function_app/__init__.py")
    (sample / "function_app.py").write_text("raise RuntimeError('this file is never run')")

    assert "work" in worker.run(sample).functions


def test_without_the_file_a_worker_finds_no_functions(worker: AnyWorker, sample: Path) -> None:
    (sample / "function_app").mkdir()
    (sample / "function_app.py").rename(sample / "function_app/__init__.py")

    assert {} == worker.run(sample).functions


def test_two_function_apps_are_refused_by_a_worker(worker: AnyWorker, sample: Path) -> None:
    with (sample / "function_app.py").open("a") as file:
        file.write("\nsecond = func.FunctionApp()\n")
    answer = worker.run(sample)

    assert ({}, 1) == (answer.functions, len(answer.faults))


@needs_worker
def test_the_genuine_worker_finds_deliver_and_sweep() -> None:
    assert GENUINE.run(ROOT).functions == {
        "deliver": ["queueTrigger", "outbound", "MailStorage"],
        "sweep": ["timerTrigger", "0 */5 * * * *"],
    }


@needs_worker
def test_the_genuine_worker_delivers_mail(
    storage: Storage, mail_account: str, graph: SimulatorClient
) -> None:
    ticket = a_ticket()
    message = received(storage, encode(ticket))
    answer = GENUINE.run(
        ROOT,
        queue_call("deliver", message),
        MailStorage=mail_account,
        GRAPH_ENDPOINT=graph.address,
        IDENTITY_ENDPOINT=graph.identity_endpoint,
        IDENTITY_HEADER=graph.identity_header,
    )
    (mail,) = graph.mails()
    row = Ledger(storage.deliveries).find(ticket.id)

    assert [None] == answer.faults
    assert ("scan@contoso.com", ("ann@contoso.com",)) == (mail.mailbox, mail.recipients)
    assert row is not None
    assert row.state is State.SENT


@needs_worker
def test_the_genuine_worker_keeps_what_is_no_ticket(storage: Storage, mail_account: str) -> None:
    message = received(storage, "{no ticket}")
    answer = GENUINE.run(ROOT, queue_call("deliver", message), MailStorage=mail_account)
    letter = DeadLetters(storage.dead_letters).find(str(message.id))

    assert [None] == answer.faults
    assert letter is not None
    assert letter.ticket == "{no ticket}"


@needs_worker
def test_the_genuine_worker_sweeps_poison_into_dead_letters(
    storage: Storage, mail_account: str
) -> None:
    ticket = a_ticket()
    storage.poison.send_message(encode(ticket))
    answer = GENUINE.run(ROOT, timer_call("sweep"), MailStorage=mail_account)

    assert [None] == answer.faults
    assert DeadLetters(storage.dead_letters).find(ticket.id) is not None


@needs_worker
def test_without_its_account_deliver_fails_and_the_host_keeps_the_message(storage: Storage) -> None:
    assert "MailStorage" not in os.environ
    (fault,) = GENUINE.run(ROOT, queue_call("deliver", received(storage, "x"))).faults

    assert fault is not None
    assert "MailStorage" in fault
