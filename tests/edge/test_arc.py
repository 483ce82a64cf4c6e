"""On a server under Azure Arc the edge signs in to the storage account by the agent's identity.

The agent's key files lie where only its group may read, and azure-identity takes them from nowhere
else. No test may write there; so that one place is another one here, in a process of its own, and
the rest is as it is.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fixtures.arc_agent import ArcAgent, an_arc_agent
from tests.fixtures.least_storage import LeastStorage, least_storage

_PUT_THREE = """
import asyncio, sys
from azure.identity._credentials import azure_arc
from handoff.account import Account
from handoff.outbox import Outbox, OutboxUnavailable

keys, address = sys.argv[1:]
azure_arc._get_key_file_path = lambda: keys

async def put():
    async with Outbox(Account(queue_url=address, blob_url=address)) as outbox:
        for number in range(3):
            await outbox.put_ticket(f"ticket {number}", 60)

try:
    asyncio.run(put())
except OutboxUnavailable as fault:
    sys.exit(str(fault))
"""


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[ArcAgent]:
    keys = tmp_path / "tokens"
    keys.mkdir()
    with an_arc_agent(keys) as agent:
        yield agent


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[LeastStorage]:
    with least_storage(tmp_path) as storage:
        yield storage


def put_three(agent: ArcAgent, storage: LeastStorage) -> str:
    """The fault; "" when all were put."""
    put = subprocess.run(
        [sys.executable, "-c", _PUT_THREE, agent.keys, storage.address],
        env=os.environ | agent.environment | {"SSL_CERT_FILE": str(storage.ca_file)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return put.stderr.strip()


def test_the_agent_gives_one_token_for_many_tickets(agent: ArcAgent, storage: LeastStorage) -> None:
    fault = put_three(agent, storage)

    assert ("", ["https://storage.azure.com"]) == (fault, agent.resources)
    assert (3, 1, []) == (len(storage.messages), len(storage.tokens), storage.refused)
    assert (0, set()) == (agent.refused, agent.open_challenges)


def test_a_key_file_from_elsewhere_is_not_believed(
    agent: ArcAgent, storage: LeastStorage, tmp_path: Path
) -> None:
    agent.realm = str(tmp_path)
    fault = put_three(agent, storage)

    assert "no token" in fault
    assert ([], []) == (agent.resources, storage.messages)
