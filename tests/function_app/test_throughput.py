"""How much of its threads the function app uses, beside a loop of bare requests in the same run."""

import json
import os
import signal
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from function_app.deliver import deliver
from handoff.account import Account
from handoff.storage import Storage
from handoff.ticket import encode
from local.child import Child
from local.graph_simulator.client import SimulatorClient
from tests.builders import MAIL
from tests.fixtures.graph import GraphMailbox
from tests.function_app.desk import Desk, ScriptedProvider
from tests.function_app.faulty_storage import Fault, faulty_storage
from tests.function_app.host import ROOT, Start, wait_until

SECONDS_A_SEND = 1.0
"""Long enough that a machine busy with other tests matters little; `make bench` has 0.2."""
MAILS = 128
MAILBOXES = [f"device-{number}@contoso.com" for number in range(50)]
ROWS = "/deliveries"
ENOUGH = 0.75
"""Of what the bare loop does. With too small a batch in the host half of the threads are idle."""


def settings(file: str) -> Any:
    return json.loads((ROOT / file).read_text())


THREADS = int(settings("local.settings.example.json")["Values"]["PYTHON_THREADPOOL_THREAD_COUNT"])


def rate(graph: SimulatorClient) -> float:
    """Of the last mails, between the first that each thread sent and the last."""
    calls = graph.requests("sendMail")[-MAILS + THREADS : -THREADS + 1]
    moments = [datetime.fromisoformat(call["at"]) for call in calls]
    return (len(calls) - 1) / (moments[-1] - moments[0]).total_seconds()


def rate_of_relay(desk: Desk, graph: SimulatorClient, host: Child) -> float:
    before = graph.state()["mails"]
    # It must not begin before all are there.
    os.kill(host.pid, signal.SIGSTOP)
    for number in range(MAILS):
        ticket = desk.a_ticket(mailbox=MAILBOXES[number % len(MAILBOXES)])
        desk.storage.outbound.send_message(encode(ticket), time_to_live=-1)
    os.kill(host.pid, signal.SIGCONT)
    wait_until(lambda: graph.state()["mails"] == before + MAILS, "all mails are sent")
    return rate(graph)


def rate_of_bare_requests(graph: SimulatorClient, token: str) -> float:
    with requests.Session() as session, ThreadPoolExecutor(THREADS) as threads:
        session.mount("http://", HTTPAdapter(pool_maxsize=THREADS))
        session.headers.update({"Authorization": f"Bearer {token}", "Content-Type": "text/plain"})

        def send(number: int) -> None:
            mailbox = MAILBOXES[number % len(MAILBOXES)]
            address = f"{graph.address}/v1.0/users/{mailbox}/sendMail"
            mime = MAIL.replace(b"scan@contoso.com", mailbox.encode())
            session.post(address, data=b64encode(mime), timeout=30).raise_for_status()

        list(threads.map(send, range(MAILS)))
    return rate(graph)


def test_no_thread_is_idle_while_mails_wait(
    desk: Desk, graph: SimulatorClient, mailbox: GraphMailbox, start: Start
) -> None:
    graph.rule(delay=SECONDS_A_SEND)
    token = mailbox.token()
    host = start(PYTHON_THREADPOOL_THREAD_COUNT=str(THREADS))
    ratios: list[float] = []
    # Again, up to three times, since other programs run on this machine, too.
    while len(ratios) < 3 and max(ratios, default=0.0) < ENOUGH:
        relay = rate_of_relay(desk, graph, host)
        ratios.append(relay / rate_of_bare_requests(graph, token))

    assert max(ratios) >= ENOUGH


def test_connections_and_the_token_are_used_again(
    desk: Desk, graph: SimulatorClient, start: Start
) -> None:
    graph.rule(delay=0.05)
    rate_of_relay(desk, graph, start(PYTHON_THREADPOOL_THREAD_COUNT=str(THREADS)))

    assert THREADS >= len({call["connection"] for call in graph.requests("sendMail")})
    assert 1 == len(graph.requests("/msi/token"))


def test_a_mail_that_is_sent_at_once_costs_two_calls_of_the_ledger(mail_account: str) -> None:
    calls = [Fault("refuse", "Table", verb, ROWS, times=0) for verb in ("GET", "POST", "PUT")]
    with (
        faulty_storage(mail_account, *calls) as way,
        Storage(Account(connection_string=way)) as storage,
    ):
        desk = Desk(storage)
        deliver(desk.queued(desk.a_ticket()), desk.means(ScriptedProvider()))

    assert [0, 1, 1] == [fault.calls for fault in calls]


def test_the_host_has_as_many_messages_as_there_are_threads() -> None:
    queues = settings("host.json")["extensions"]["queues"]

    # A message that waits in the worker for a thread uses up the time of its function.
    assert queues["batchSize"] + queues["newBatchThreshold"] == THREADS
    # The host asks for more only when so few are left.
    assert queues["newBatchThreshold"] >= THREADS * 0.75
    assert f"set it to `{THREADS}`" in (ROOT / "docs" / "function-app.md").read_text()
