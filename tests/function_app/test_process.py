"""The function app as a process, under the local Functions host: crashes, and wrong settings."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from handoff.ledger import State
from handoff.ticket import Ticket, encode
from local.child import Child
from local.graph_simulator.client import SimulatorClient
from tests.function_app.desk import Desk
from tests.function_app.faulty_tables import Faults, faulty_tables

ROOT = Path(__file__).parents[2]
LEASE_SECONDS = 2

Start = Callable[..., Child]


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

        def start(**settings: str) -> Child:
            host = stack.enter_context(
                Child(
                    [sys.executable, "-m", "local.functions_host"],
                    environment=os.environ | known | settings,
                    directory=ROOT,
                )
            )
            host.wait_for(lambda line: line == "ready", 30)
            return host

        yield start


def queued(desk: Desk) -> Ticket:
    ticket = desk.a_ticket_with_blob()
    desk.storage.outbound.send_message(encode(ticket), time_to_live=-1)
    return ticket


def says(event: str) -> Callable[[str], bool]:
    return lambda line: f'"event": "{event}"' in line


def wait_until(is_it: Callable[[], bool], what: str) -> None:
    give_up_at = time.monotonic() + 30
    while not is_it():
        assert time.monotonic() < give_up_at, f"not within 30 s: {what}"
        time.sleep(0.05)


def wait_until_sent(desk: Desk, ticket: Ticket) -> None:
    def is_done() -> bool:
        row = desk.ledger.find(ticket.id)
        depth = desk.storage.outbound.get_queue_properties().approximate_message_count
        return row is not None and row.state is State.SENT and depth == 0

    wait_until(is_done, "the row says sent, and the queue is empty")


def test_a_ticket_is_sent_and_its_events_are_lines_of_json(
    desk: Desk, graph: SimulatorClient, start: Start
) -> None:
    ticket, host = queued(desk), start()

    sending = host.wait_for(says("sending"), 30)
    sent = host.wait_for(says("sent"), 30)

    wait_until_sent(desk, ticket)
    assert [ticket.id] * 2 == [json.loads(line)["id"] for line in (sending, sent)]
    assert 1 == len(graph.mails())
    assert not desk.has_content(ticket)


BLIND = ["Mail.Send"]
SEEING = ["Mail.Send", "Mail.ReadBasic"]
TAKEN = {"hang": True, "take": True}
CRASHES: dict[str, tuple[dict[str, Any], list[str], int]] = {
    "before Graph took the mail": ({"hang": True}, BLIND, 1),
    "after Graph took the mail": (TAKEN, SEEING, 1),
    "after Graph took the mail, with no permission to look": (TAKEN, BLIND, 2),
}


@pytest.mark.parametrize(("fault", "permissions", "copies"), CRASHES.values(), ids=CRASHES)
def test_a_killed_function_loses_no_mail(
    desk: Desk,
    graph: SimulatorClient,
    start: Start,
    fault: dict[str, Any],
    permissions: list[str],
    copies: int,
) -> None:
    graph.rule(permissions=permissions)
    graph.fail({"route": "sendMail"} | fault)
    ticket, host = queued(desk), start()
    host.wait_for(says("sending"), 30)
    wait_until(lambda: faults_left(graph) == 0, "Graph has the request")
    if fault.get("take"):
        wait_until(lambda: len(graph.mails()) == 1, "Graph has the mail")

    host.kill()

    assert State.SENDING is desk.row(ticket).state
    start()
    wait_until_sent(desk, ticket)
    assert [desk.row(ticket).message_id] * copies == [mail.message_id for mail in graph.mails()]
    assert 2 == desk.row(ticket).attempts


def faults_left(graph: SimulatorClient) -> int:
    return sum(fault["times"] for fault in graph.state()["faults"])


def test_a_function_killed_before_it_wrote_sent_sends_no_second_copy(
    desk: Desk, graph: SimulatorClient, start: Start, mail_account: str
) -> None:
    faults = Faults(refuse=1_000)
    with faulty_tables(mail_account, faults) as way:
        ticket, host = queued(desk), start(MailStorage=way)
        wait_until(lambda: faults.updates > 0, "the function wants to write its row")
        host.kill()

    assert State.SENDING is desk.row(ticket).state
    start()
    wait_until_sent(desk, ticket)
    assert 1 == len(graph.mails())


def test_a_function_that_is_told_to_stop_ends_what_it_does(
    desk: Desk, graph: SimulatorClient, start: Start
) -> None:
    graph.fail({"route": "sendMail", "delay": 1})
    ticket, host = queued(desk), start()
    host.wait_for(says("sending"), 30)

    assert 0 == host.stop()
    assert State.SENT is desk.row(ticket).state
    assert 1 == len(graph.mails())


def test_wrong_settings_keep_the_mail_waiting(
    desk: Desk, graph: SimulatorClient, start: Start
) -> None:
    ticket, host = queued(desk), start(RELAY_CLOUD="mars", RELAY_GIVE_UP_AFTER="soon")
    first = host.wait_for(says("misconfigured"), 30)
    second = host.wait_for(lambda line: says("misconfigured")(line) and line != first, 30)
    host.stop()

    assert {"RELAY_CLOUD", "RELAY_GIVE_UP_AFTER"} == {
        json.loads(line)["fault"].split(":")[0] for line in (first, second)
    }
    start()
    wait_until_sent(desk, ticket)
    assert 1 == len(graph.mails())


def test_the_timer_makes_its_round(desk: Desk, mail_account: str) -> None:
    desk.storage.poison.send_message(encode(desk.a_ticket()))

    subprocess.run(
        [sys.executable, "-c", "from function_app import root; root.on_timer()"],
        env=os.environ | {"MailStorage": mail_account},
        cwd=ROOT,
        check=True,
    )

    row = desk.storage.status.get_entity("function-app", "queue")
    assert (0, 0) == (row["outbound_depth"], row["poison_depth"])
