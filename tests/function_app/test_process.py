"""The function app as a process, under the local Functions host: its log, its end, its settings."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

from function_app.means import LEASE
from handoff.endings import read_endings
from handoff.ids import new_id
from handoff.ledger import Delivery, State
from handoff.ticket import encode
from local.graph_simulator.client import SimulatorClient
from tests.function_app.desk import APPLICATION, BY_SECRET, SECRET, TENANT, Desk
from tests.function_app.host import ROOT, Start, queued, says, wait_for_end


def test_a_ticket_is_sent_and_its_events_are_lines_of_json(
    desk: Desk, graph: SimulatorClient, start: Start
) -> None:
    ticket, host = queued(desk), start()

    sending = host.wait_for(says("sending"), 30)
    sent = host.wait_for(says("sent"), 30)

    wait_for_end(desk, ticket)
    assert [ticket.id] * 2 == [json.loads(line)["id"] for line in (sending, sent)]
    assert 1 == len(graph.mails())
    assert not desk.has_content(ticket)


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
    wait_for_end(desk, ticket)
    assert 1 == len(graph.mails())


def test_the_timer_makes_its_round(desk: Desk, graph: SimulatorClient, mail_account: str) -> None:
    ends_at = datetime(2099, 11, 21, tzinfo=UTC)
    secret = {"hint": SECRET[:3], "ends_at": ends_at.isoformat()}
    graph.know(TENANT, APPLICATION, SECRET, secrets=[secret])
    graph.rule(permissions=["Application.Read.All"])
    desk.storage.poison.send_message(encode(desk.a_ticket()))
    long_ago = desk.now - timedelta(days=100)
    old = Delivery.opened(desk.a_ticket(id=new_id(long_ago)), "message", long_ago, LEASE)
    desk.ledger.record(old.concluded(State.SENT, long_ago))

    _make_round(
        **BY_SECRET,
        MailStorage=mail_account,
        GRAPH_ENDPOINT=graph.address,
        ENTRA_AUTHORITY=graph.entra,
        REQUESTS_CA_BUNDLE=graph.ca_file,
    )

    row = desk.storage.status.get_entity("function-app", "queue")
    assert (0, 0) == (row["outbound_depth"], row["poison_depth"])
    assert ends_at == read_endings(desk.storage.status)["default.secret"]
    assert desk.ledger.find(old.id) is None


def test_with_wrong_settings_the_timer_removes_nothing(desk: Desk, mail_account: str) -> None:
    long_ago = desk.now - timedelta(days=100)
    old = Delivery.opened(desk.a_ticket(id=new_id(long_ago)), "message", long_ago, LEASE)
    desk.ledger.record(old.concluded(State.SENT, long_ago))

    _make_round(MailStorage=mail_account, RELAY_CLOUD="mars")

    assert desk.storage.status.get_entity("function-app", "queue")
    assert desk.ledger.find(old.id) is not None


def _make_round(**settings: str) -> None:
    subprocess.run(
        [sys.executable, "-c", "from function_app import root; root.on_timer()"],
        env=os.environ | settings,
        cwd=ROOT,
        check=True,
    )
