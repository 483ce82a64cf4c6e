"""A desk for each test, and the function app put together from settings."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from function_app.means import Means
from function_app.root import assemble
from function_app.settings import Settings
from handoff.storage import Storage
from local.child import Child
from local.graph_simulator.client import SimulatorClient
from tests.forked import Forked
from tests.function_app.desk import APPLICATION, SECRET, TENANT, Desk
from tests.function_app.hook import Hook, a_hook
from tests.function_app.host import COMMAND, LEASE_SECONDS, ROOT, Start

NO_RATE = {"RELAY_MAILBOX_RATE": "0"}
"""A test has no time for thirty mails a minute."""


@pytest.fixture
def desk(storage: Storage) -> Desk:
    return Desk(storage)


@pytest.fixture
def hook() -> Iterator[Hook]:
    with a_hook() as hook:
        yield hook


@pytest.fixture
def means_of(
    desk: Desk, graph: SimulatorClient, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Means]:
    """Put the function app together from settings, on a machine with a managed identity."""
    monkeypatch.setenv("IDENTITY_ENDPOINT", graph.identity_endpoint)
    monkeypatch.setenv("IDENTITY_HEADER", graph.identity_header)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", graph.ca_file)
    graph.know(TENANT, APPLICATION, SECRET)

    def means_of(**settings: str) -> Means:
        known = {"MailStorage": "unused", "GRAPH_ENDPOINT": graph.address} | NO_RATE
        return assemble(Settings.from_env(known | settings), desk.storage)

    return means_of


@pytest.fixture
def start(graph: SimulatorClient, mail_account: str) -> Iterator[Start]:
    """Start the function app; its machine has a managed identity."""
    known = {
        "MailStorage": mail_account,
        "RELAY_HOST_LEASE_SECONDS": str(LEASE_SECONDS),
        "GRAPH_ENDPOINT": graph.address,
        "IDENTITY_ENDPOINT": graph.identity_endpoint,
        "IDENTITY_HEADER": graph.identity_header,
    }
    with ExitStack() as stack:

        def start(directory: Path = ROOT, **settings: str) -> Child:
            environment = os.environ | known | NO_RATE | settings
            host = Forked(COMMAND, environment=environment, directory=directory)
            stack.callback(host.kill)
            host.wait_for(lambda line: line == "ready", 30)
            return host

        yield start
