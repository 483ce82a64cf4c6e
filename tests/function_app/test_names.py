"""No name is found: mails are put off, no matter how final the resolver says it."""

import socket
from pathlib import Path

from handoff.ledger import State
from local.graph_simulator.client import SimulatorClient
from tests.function_app.desk import Desk
from tests.function_app.host import Start, queued, wait_for_end, wait_until
from tests.torture.disks import a_resolver, needs_compiler
from torture.machine import by_name


@needs_compiler
def test_that_graph_is_unknown_defers_and_the_mail_goes_by_itself(
    desk: Desk, graph: SimulatorClient, start: Start, tmp_path: Path
) -> None:
    resolver = a_resolver(tmp_path)
    start(GRAPH_ENDPOINT=by_name(graph.address), **resolver.environment())
    resolver.fail(socket.EAI_NONAME)
    ticket = queued(desk)
    wait_until(lambda: _state_of(desk, ticket.id) is State.DEFERRED, "it is deferred")
    resolver.heal()
    wait_for_end(desk, ticket)

    assert len(graph.mails()) == 1
    assert desk.dead_letters.find(ticket.id) is None


def _state_of(desk: Desk, mail_id: str) -> State | None:
    row = desk.ledger.find(mail_id)
    return row.state if row is not None else None
