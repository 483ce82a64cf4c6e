"""A worker with a large mail, as a process: what it takes of memory, and what its death costs."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from function_app.means import LEASE, Means
from handoff.ledger import State
from handoff.ticket import encode
from local.child import Child
from local.graph_simulator.client import SimulatorClient
from tests.forked import Forked
from tests.function_app.desk import Desk, delivered
from tests.function_app.host import wait_until
from tests.function_app.large_mails import fingerprint, fingerprint_of, mail_with, octets_of

MeansOf = Callable[..., Means]
StartWorker = Callable[[], Child]
MOST_MORE_KILOBYTES = 45_000
OCTETS = octets_of(9_000_000)


@pytest.fixture
def start_worker(graph: SimulatorClient, mail_account: str) -> Iterator[StartWorker]:
    known = {
        "MailStorage": mail_account,
        "GRAPH_ENDPOINT": graph.address,
        "IDENTITY_ENDPOINT": graph.identity_endpoint,
        "IDENTITY_HEADER": graph.identity_header,
    }
    command = [sys.executable, "-m", "tests.function_app.one_worker"]
    with ExitStack() as stack:

        def start_worker() -> Child:
            worker = Forked(command, environment=os.environ | known)
            stack.callback(worker.kill)
            return worker

        yield start_worker


def put(desk: Desk, octets: bytes, **changes: Any) -> None:
    ticket = desk.a_ticket_with_blob(octets, **changes)
    desk.storage.outbound.send_message(encode(ticket), time_to_live=-1)


def test_a_large_mail_is_never_whole_in_memory(
    desk: Desk, graph: SimulatorClient, start_worker: StartWorker
) -> None:
    graph.rule(message_limit=150 * 1024 * 1024)
    put(desk, b"Subject: small\r\n\r\nx")
    put(desk, mail_with(octets_of(2_999_999)))
    text = b"\r\n--b\r\nBcc: hidden@x.org\r\n\r\nHello.\r\n"
    put(desk, mail_with(octets_of(44_000_000), text=text))
    put(desk, b"Subject: long\r\n\r\n" + b"a line of a long text\r\n" * 700_000)
    put(desk, mail_with(octets_of(44_000_000)), identity="nobody")
    worker = start_worker()

    assert 0 == worker.wait(120)
    small, *others = [int(line.split()[1]) for line in worker.lines if line.startswith("peak ")]
    assert 4 == len(others)
    assert max(others) - small < MOST_MORE_KILOBYTES, f"{small} {others}"
    assert 4 == len(graph.mails())


@pytest.mark.parametrize("route", ["messages", "upload", "send"])
@pytest.mark.parametrize("take", [False, True], ids=["before", "after"])
def test_a_killed_worker_costs_no_mail_and_leaves_no_draft(
    desk: Desk,
    graph: SimulatorClient,
    start_worker: StartWorker,
    means_of: MeansOf,
    route: str,
    take: bool,
) -> None:
    graph.fail({"route": route, "hang": True, "take": take})
    ticket = desk.a_ticket_with_blob(mail_with(OCTETS))
    desk.storage.outbound.send_message(encode(ticket), time_to_live=-1)
    worker = start_worker()
    wait_until(lambda: graph.state()["faults"] == [], "Graph has the request")
    if take and route == "send":
        wait_until(lambda: len(graph.mails()) == 1, "Graph has the mail")

    worker.kill()
    assert State.SENDING is desk.row(ticket).state

    later = datetime.now(UTC) + LEASE
    means = replace(means_of(), now=lambda: later + timedelta(seconds=1))
    for _ in range(5):
        delivered(desk, means, ticket)
    assert State.SENT is desk.row(ticket).state
    (mail,) = graph.mails()
    assert [fingerprint(OCTETS)] == list(map(fingerprint_of, mail.attachments))
    assert [] == graph.state()["drafts"]
