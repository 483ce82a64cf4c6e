"""A ticket that kills the function app each time that it is tried: it ends, and is not lost."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from function_app.means import LEASE
from function_app.sweep import sweep
from handoff.ledger import State
from local.graph_simulator.client import SimulatorClient
from tests.function_app.desk import Desk
from tests.function_app.host import ROOT, Start, queued, wait_until

MOST = 2
"""Instead of maxDequeueCount in host.json, which leaves room for days of deferrals."""
DEADLY = "deadly@contoso.com"


def an_app(directory: Path) -> Path:
    """The function app, with a host that loses patience soon."""
    host = json.loads((ROOT / "host.json").read_text())
    host["extensions"]["queues"] |= {"maxDequeueCount": MOST, "visibilityTimeout": "00:00:00"}
    (directory / "host.json").write_text(json.dumps(host))
    (directory / "function_app.py").symlink_to(ROOT / "function_app.py")
    return directory


def test_a_ticket_that_kills_each_host_is_a_dead_letter_and_stops_nobody(
    desk: Desk, graph: SimulatorClient, start: Start, tmp_path: Path
) -> None:
    app = an_app(tmp_path)
    deadly = queued(desk, mailbox=DEADLY)
    hosts = 0
    graph.fail({"route": "sendMail", "mailbox": DEADLY, "hang": True, "times": 100})
    while not desk.storage.poison.peek_messages():
        assert hosts <= MOST, "it is tried for ever"
        host = start(directory=app)
        hosts += 1
        wait_until(partial(_is_tried_or_poison, desk, graph, hosts), "it is tried")
        host.kill()
    harmless = queued(desk)
    start(directory=app)
    wait_until(lambda: len(graph.mails()) == 1, "others are sent")

    now = datetime.now(UTC) + LEASE
    desk = replace(desk, now=now)
    sweep(desk.storage, now)
    letter = desk.dead_letters.find(deadly.id)

    assert letter is not None
    assert ("poison", State.DEAD) == (letter.code, desk.row(deadly).state)
    assert "failed on this mail again and again" in letter.reason
    assert State.SENT is desk.row(harmless).state
    assert [] == desk.storage.poison.peek_messages()


def _is_tried_or_poison(desk: Desk, graph: SimulatorClient, tries: int) -> bool:
    return len(graph.requests("sendMail")) == tries or bool(desk.storage.poison.peek_messages())
