"""The edge tells systemd when it is ready and when it stops."""

import os
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.service_manager import tell_service_manager
from local.child import Child
from tests.edge.program import NOWHERE, config


@pytest.fixture
def short() -> Iterator[Path]:
    """A directory whose name fits into the address of a socket."""
    with tempfile.TemporaryDirectory() as directory:
        yield Path(directory)


@pytest.fixture
def manager() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.settimeout(20)
        yield manager


def test_readiness_is_told_when_all_doors_are_open(
    manager: socket.socket, short: Path, tmp_path: Path
) -> None:
    place = str(short / "notify")
    manager.bind(place)
    child = Child(
        [sys.executable, "-m", "edge", "--config", config(tmp_path, NOWHERE)],
        environment=os.environ | {"NOTIFY_SOCKET": place},
    )
    try:
        told = manager.recv(100)
        child.wait_for(lambda line: '"ready"' in line, 10)
    finally:
        code = child.stop()

    assert told == b"READY=1"
    assert (manager.recv(100), code) == (b"STOPPING=1", 0)


def test_an_abstract_address_is_understood(manager: socket.socket) -> None:
    manager.bind("\0" + (name := f"relay-test-{os.getpid()}"))
    tell_service_manager("READY=1", {"NOTIFY_SOCKET": f"@{name}"})

    assert manager.recv(100) == b"READY=1"


def test_a_manager_that_is_gone_does_no_harm(short: Path) -> None:
    tell_service_manager("READY=1", {"NOTIFY_SOCKET": str(short / "gone")})
    tell_service_manager("READY=1", {})
