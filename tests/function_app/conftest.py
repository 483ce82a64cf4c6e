"""A desk for each test, and the function app put together from settings."""

from collections.abc import Callable

import pytest

from function_app.means import Means
from function_app.root import assemble
from function_app.settings import Settings
from handoff.storage import Storage
from local.graph_simulator.client import SimulatorClient
from tests.function_app.desk import APPLICATION, SECRET, TENANT, Desk


@pytest.fixture
def desk(storage: Storage) -> Desk:
    return Desk(storage)


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
        known = {"MailStorage": "unused", "GRAPH_ENDPOINT": graph.address} | settings
        return assemble(Settings.from_env(known), desk.storage)

    return means_of
