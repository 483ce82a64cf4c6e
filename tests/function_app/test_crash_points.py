"""The function app is killed at each point where that could cost a mail, or copy one.

The point is where a call of the storage account, of Graph or of the identity endpoint hangs: the
process is surely there when it dies.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from handoff.ledger import State
from local.graph_simulator.client import SimulatorClient
from tests.function_app.desk import Desk
from tests.function_app.faulty_storage import Fault, faulty_storage
from tests.function_app.host import Start, queued, wait_for_end, wait_until

BLIND = ["Mail.Send"]
SEEING = ["Mail.Send", "Mail.ReadBasic"]
NOT_THERE = "nobody@elsewhere.example"
BUSY = {"status": 503, "body": {"error": {"code": "ErrorServerBusy", "message": "Later."}}}


@dataclass(frozen=True)
class Crash:
    row: State | None
    """What the ledger says when the process is dead."""
    copies: int = 1
    storage: Callable[[], Fault] | None = None
    graph: dict[str, Any] = field(default_factory=dict)
    permissions: list[str] = field(default_factory=lambda: BLIND)
    mailbox: str = "scan@contoso.com"
    end: State = State.SENT


ROWS = r"/deliveries\("
PUT_BACK = r"/outbound/messages/.*visibilitytimeout=[4-6]\b"  # to renew its lease takes other ones
CRASHES = {
    "before the claim": Crash(None, storage=lambda: Fault("hold", "Table", "POST", "/deliveries")),
    "after the claim, before the worker knows it": Crash(
        State.SENDING, storage=lambda: Fault("hold answer", "Table", "POST", "/deliveries")
    ),
    "before the mail is posted": Crash(State.SENDING, graph={"route": "identity", "hang": True}),
    "before Graph takes the mail": Crash(State.SENDING, graph={"route": "sendMail", "hang": True}),
    "after Graph took the mail": Crash(
        State.SENDING,
        graph={"route": "sendMail", "hang": True, "take": True},
        permissions=SEEING,
    ),
    "after Graph took the mail, with no permission to look": Crash(
        State.SENDING, copies=2, graph={"route": "sendMail", "hang": True, "take": True}
    ),
    "after the answer, before sent is written": Crash(
        State.SENDING,
        storage=lambda: Fault("hold", "Table", "PUT", ROWS),
        permissions=SEEING,
    ),
    "after sent is written, before the worker knows it": Crash(
        State.SENT, storage=lambda: Fault("hold answer", "Table", "PUT", ROWS)
    ),
    "before the content goes": Crash(
        State.SENT, storage=lambda: Fault("hold", "Blob", "DELETE", "/mail/")
    ),
    "before the message goes": Crash(
        State.SENT, storage=lambda: Fault("hold", "Queue", "DELETE", "/outbound/messages/")
    ),
    "before a deferred mail is put back": Crash(
        State.DEFERRED,
        graph={"route": "sendMail"} | BUSY,
        storage=lambda: Fault("hold", "Queue", "PUT", PUT_BACK),
    ),
    "after the dead letter is kept, before dead is written": Crash(
        State.SENDING,
        copies=0,
        storage=lambda: Fault("hold", "Table", "PUT", ROWS),
        mailbox=NOT_THERE,
        end=State.DEAD,
    ),
    "before the message of a dead mail goes": Crash(
        State.DEAD,
        copies=0,
        storage=lambda: Fault("hold", "Queue", "DELETE", "/outbound/messages/"),
        mailbox=NOT_THERE,
        end=State.DEAD,
    ),
}


@pytest.mark.parametrize("crash", CRASHES.values(), ids=CRASHES)
def test_a_crash_costs_no_mail(
    desk: Desk, graph: SimulatorClient, start: Start, mail_account: str, crash: Crash
) -> None:
    graph.rule(permissions=crash.permissions)
    if crash.graph:
        graph.fail(crash.graph)
    ticket = queued(desk, mailbox=crash.mailbox)
    fault = crash.storage() if crash.storage else Fault("hold", "Table", "GET", "/nothing")
    with faulty_storage(mail_account, fault) as way:
        host = start(MailStorage=way)
        if crash.storage:
            assert fault.struck.wait(30)
        else:
            wait_until(lambda: _faults_left(graph) == 0, "the call hangs")
            if crash.graph.get("take"):
                wait_until(lambda: len(graph.mails()) == 1, "Graph has the mail")
        host.kill()

    row = desk.ledger.find(ticket.id)
    assert crash.row is (row.state if row else None)
    start()
    wait_for_end(desk, ticket, crash.end)
    assert [desk.row(ticket).message_id] * crash.copies == [m.message_id for m in graph.mails()]
    assert (crash.end is State.DEAD) == (desk.dead_letters.find(ticket.id) is not None)
    assert not desk.has_content(ticket)


def _faults_left(graph: SimulatorClient) -> int:
    return sum(fault["times"] for fault in graph.state()["faults"])
