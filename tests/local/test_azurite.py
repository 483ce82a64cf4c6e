"""Azurite as a program of its own, and what becomes of it when its starter goes."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from handoff.account import Account
from handoff.storage import Storage
from local.child import Child

ROOT = Path(__file__).parents[2]
Start = Callable[..., Child]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start `python -m local.azurite` on free ports."""
    started: list[Child] = []

    def run(*options: str, python: Path = Path(sys.executable), path: str = str(ROOT)) -> Child:
        ports = ["--blob-port=0", "--queue-port=0", "--table-port=0"]
        command: list[str | Path] = [
            python,
            "-m",
            "local.azurite",
            "--directory",
            tmp_path / "data",
        ]
        child = Child([*command, *ports, *options], environment=os.environ | {"PYTHONPATH": path})
        started.append(child)
        return child

    yield run
    for child in started:
        child.kill()


def connection_string_of(azurite: Child) -> str:
    return azurite.wait_for(lambda line: line.startswith("DefaultEndpointsProtocol="), 60)


def processes_with(text: str) -> list[int]:
    """Who was started with `text` in the command line."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_text("utf-8", "replace")
        except OSError:
            continue
        if text in command:
            found.append(int(entry.name))
    return found


def until_gone(text: str) -> None:
    deadline = time.monotonic() + 20
    while left := processes_with(text):
        assert time.monotonic() < deadline, f"still running: {left}"
        time.sleep(0.05)


def test_what_it_prints_opens_all_that_bicep_would_create(start: Start) -> None:
    azurite = start()
    account = Account(connection_string=connection_string_of(azurite))
    with Storage(account) as storage:
        storage.outbound.send_message("here")
        queues = [storage.outbound, storage.poison]
        counts = [queue.get_queue_properties().approximate_message_count for queue in queues]
        containers = [storage.mail.exists(), storage.dead_letters.exists()]
        rows = [*storage.deliveries.list_entities(), *storage.status.list_entities()]

    assert ([1, 0], [True, True], []) == (counts, containers, rows)
    assert len(azurite.lines) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_when_asked_and_keeps_its_data(
    start: Start, tmp_path: Path, number: signal.Signals
) -> None:
    first = start()
    with Storage(Account(connection_string=connection_string_of(first))) as storage:
        storage.outbound.send_message("kept")
    first.send(number)

    assert first.wait(20) == 0
    assert processes_with(str(tmp_path)) == []

    again = start()
    with Storage(Account(connection_string=connection_string_of(again))) as storage:
        (message,) = storage.outbound.peek_messages()

    assert message.content == "kept"


def test_node_ends_with_a_starter_that_was_killed(start: Start, tmp_path: Path) -> None:
    azurite = start()
    connection_string_of(azurite)
    node = [pid for pid in processes_with(str(tmp_path)) if pid != azurite.pid]

    assert len(node) == 1

    os.kill(azurite.pid, signal.SIGKILL)
    until_gone(str(tmp_path))


def test_it_tells_when_node_ends_by_itself(start: Start, tmp_path: Path) -> None:
    azurite = start()
    connection_string_of(azurite)
    (node,) = [pid for pid in processes_with(str(tmp_path)) if pid != azurite.pid]
    os.kill(node, signal.SIGKILL)

    assert azurite.wait(20) == 1
    assert azurite.wait_for(lambda line: "ended by itself" in line, 5) == (
        "azurite: Azurite ended by itself with -9"
    )


@pytest.mark.parametrize("service", ["blob", "queue", "table"])
def test_a_taken_port_is_one_line(start: Start, service: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        azurite = start(f"--{service}-port={port}")

        assert azurite.wait(60) == 1

    azurite.stop()
    assert azurite.lines == [
        f"azurite: Azurite cannot listen on 127.0.0.1:{port}: address already in use"
    ]


def test_a_directory_that_cannot_be_made_is_one_line(start: Start, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file is in the way")
    azurite = start()

    assert azurite.wait(60) == 1

    azurite.stop()
    assert azurite.lines == [f"azurite: {tmp_path / 'data'}: File exists"]


def test_without_azurite_it_names_the_command_that_installs_it(
    start: Start, tmp_path: Path
) -> None:
    # A fresh environment that borrows our packages, but has no Azurite.
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    ours = [str(ROOT), *(path for path in sys.path if path.endswith("site-packages"))]
    azurite = start(python=tmp_path / "venv/bin/python", path=os.pathsep.join(ours))

    assert azurite.wait(60) == 1

    azurite.stop()
    assert azurite.lines == ["azurite: Azurite is not installed here: run `make setup`"]
