"""The Functions host as a program, with a small function app on real queues."""

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from handoff.storage import Storage
from local.child import Child

ROOT = Path(__file__).parent.parent.parent
APP = """
import os, time
import azure.functions as func

app = func.FunctionApp()


def note(text):
    with open("notes", "a") as file:
        file.write(text + "\\n")


@app.queue_trigger("message", queue_name="outbound", connection="MailStorage")
def work(message: func.QueueMessage) -> None:
    text = message.get_body().decode()
    note(f"{text} {message.dequeue_count} {message.id is not None} {message.insertion_time.year}")
    if text == "fail":
        raise ValueError("as asked")
    if text == "return":
        return "something"
    if text == "hang":
        time.sleep(600)
    if text.startswith("sleep"):
        time.sleep(float(text.split()[1]))
        note(f"{text} done")
    if text == "put back":
        from azure.storage.queue import QueueClient
        queue = QueueClient.from_connection_string(os.environ["MailStorage"], "outbound")
        with queue:
            queue.update_message(message.id, message.pop_receipt, visibility_timeout=1)


@app.timer_trigger("timer", schedule="* * * * * *")
async def tick(timer: func.TimerRequest) -> None:
    note(f"tick {timer.past_due}")
"""
HOST_JSON = """{"version": "2.0", "functionTimeout": "%s", "extensions": {"queues": {
"messageEncoding": "none", "batchSize": 2, "newBatchThreshold": 0, "maxDequeueCount": 2,
"visibilityTimeout": "00:00:00", "maxPollingInterval": "00:00:00.200"}}}"""


class Host:
    """A running host and what its functions noted."""

    def __init__(self, directory: Path, account: str, lease: int = 600) -> None:
        self.directory = directory
        settings = {"MailStorage": account, "RELAY_HOST_LEASE_SECONDS": str(lease)}
        self.child = Child(
            [sys.executable, "-m", "local.functions_host"],
            environment=os.environ | settings | {"PYTHONPATH": str(ROOT)},
            directory=directory,
        )
        self.child.wait_for(lambda line: line == "ready", 20)

    def notes(self, about: str = "") -> list[str]:
        file = self.directory / "notes"
        lines = file.read_text().splitlines() if file.exists() else []
        return [line for line in lines if line.startswith(about)]


@pytest.fixture
def app(tmp_path: Path) -> Path:
    (tmp_path / "function_app.py").write_text(APP)
    (tmp_path / "host.json").write_text(HOST_JSON % "00:05:00")
    return tmp_path


@pytest.fixture
def host(app: Path, mail_account: str) -> Iterator[Host]:
    host = Host(app, mail_account)
    yield host
    host.child.kill()


def until(is_so: Callable[[], Any], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.02)


def count(storage: Storage) -> int:
    return storage.outbound.get_queue_properties().approximate_message_count or 0


def test_a_message_is_run_once_and_deleted(host: Host, storage: Storage) -> None:
    storage.outbound.send_message("hello")
    until(lambda: host.notes("hello") and count(storage) == 0)

    assert host.notes("hello") == ["hello 1 True 2026"]


@pytest.mark.parametrize("text", ["fail", "return"])
def test_a_message_that_keeps_failing_goes_to_poison(
    host: Host, storage: Storage, text: str
) -> None:
    storage.outbound.send_message(text)
    until(lambda: storage.poison.get_queue_properties().approximate_message_count == 1)
    (message,) = storage.poison.peek_messages()

    assert message.content == text
    assert [note.split()[1] for note in host.notes(text)] == ["1", "2"]
    assert count(storage) == 0
    host.child.wait_for(lambda line: "MaxDequeueCount of 2" in line, 5)


def test_a_message_put_back_by_its_function_comes_again(host: Host, storage: Storage) -> None:
    storage.outbound.send_message("put back")
    until(lambda: len(host.notes("put back")) == 2)

    assert [note.split()[2] for note in host.notes("put back")] == ["1", "2"]
    assert "host-fault" not in "".join(host.child.lines)


def test_a_killed_host_leaves_its_message_to_the_lease(
    app: Path, mail_account: str, storage: Storage
) -> None:
    storage.outbound.send_message("sleep 30")
    first = Host(app, mail_account, lease=2)
    until(lambda: first.notes("sleep"))
    first.child.kill()
    killed_at = time.monotonic()
    second = Host(app, mail_account, lease=2)
    until(lambda: len(second.notes("sleep 30")) == 2)
    waited = time.monotonic() - killed_at
    second.child.kill()

    assert second.notes("sleep 30")[1].split()[2] == "2"
    assert waited < 10


def test_a_long_run_keeps_its_lease(app: Path, mail_account: str, storage: Storage) -> None:
    host = Host(app, mail_account, lease=2)
    storage.outbound.send_message("sleep 5")
    until(lambda: host.notes("sleep 5 done") and count(storage) == 0)
    host.child.kill()

    assert host.notes("sleep 5") == ["sleep 5 1 True 2026", "sleep 5 done"]


def test_a_term_signal_waits_for_what_runs(host: Host, storage: Storage) -> None:
    storage.outbound.send_message("sleep 1.5")
    until(lambda: host.notes("sleep"))
    host.child.send(signal.SIGTERM)

    assert host.child.wait(10) == 0
    assert len(host.notes("sleep 1.5 done")) == 1
    assert count(storage) == 0


def test_no_more_run_at_once_than_host_json_allows(host: Host, storage: Storage) -> None:
    for _ in range(5):
        storage.outbound.send_message("sleep 1")
    until(lambda: len(host.notes("sleep 1 1")) == 2)

    assert len(host.notes("sleep 1 done")) == 0

    until(lambda: len(host.notes("sleep 1 done")) == 2)
    until(lambda: len(host.notes("sleep 1 done")) == 5)


def test_a_function_that_runs_too_long_ends_the_host(
    app: Path, mail_account: str, storage: Storage
) -> None:
    (app / "host.json").write_text(HOST_JSON % "00:00:01")
    host = Host(app, mail_account, lease=2)
    storage.outbound.send_message("hang")

    assert host.child.wait(15) == 3
    host.child.kill()


def test_timers_run(host: Host) -> None:
    until(lambda: len(host.notes("tick False")) >= 2)


def refusal(directory: Path, account: str | None) -> tuple[int, str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    environment |= {"MailStorage": account} if account else {}
    child = Child(
        [sys.executable, "-m", "local.functions_host"], environment=environment, directory=directory
    )
    code = child.wait(20)
    child.stop()
    assert "Traceback" not in "".join(child.lines)
    return code, child.lines[-1]


def test_what_is_missing_is_one_line(app: Path, mail_account: str) -> None:
    assert refusal(app, None) == (
        1,
        "functions_host: set MailStorage, or MailStorage__queueServiceUri",
    )

    (app / "function_app.py").rename(app / "other.py")

    assert "function_app.py is missing" in refusal(app, mail_account)[1]

    (app / "host.json").unlink()

    assert "host.json" in refusal(app, mail_account)[1]


def test_two_function_apps_are_refused(app: Path, mail_account: str) -> None:
    with (app / "function_app.py").open("a") as file:
        file.write("\nsecond = func.FunctionApp()\n")

    assert refusal(app, mail_account)[1].endswith("must define one FunctionApp, not 2")


def test_app_settings_are_read_from_local_settings(app: Path, mail_account: str) -> None:
    (app / "local.settings.json").write_text(json.dumps({"Values": {"MailStorage": mail_account}}))
    child = Child(
        [sys.executable, "-m", "local.functions_host"],
        environment=os.environ | {"PYTHONPATH": str(ROOT)},
        directory=app,
    )
    child.wait_for(lambda line: line == "ready", 20)

    assert child.stop() == 0
