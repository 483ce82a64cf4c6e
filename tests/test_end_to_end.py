"""SMTP in, Graph out: the real edge, Azurite, the function app, the simulator; octet for octet."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from handoff.ledger import Ledger, State
from handoff.storage import Storage
from local.graph_simulator.client import ReceivedMail, SimulatorClient
from tests.builders import MAIL
from tests.edge.program import Edge, config
from tests.fixtures.function_app import start_function_app

PRINTER = """
[[devices]]
name = "printer"
networks = ["127.0.0.2"]
send_as = "printer@contoso.com"
"""


@pytest.fixture
def edge(tmp_path: Path, mail_account: str) -> Iterator[Edge]:
    edge = Edge(config(tmp_path, mail_account, PRINTER))
    yield edge
    edge.child.kill()


def until(is_so: Callable[[], Any], seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.05)


def received(graph: SimulatorClient, count: int = 1) -> list[ReceivedMail]:
    until(lambda: len(graph.mails()) >= count)
    return graph.mails()


def is_sent(storage: Storage, mail_id: str) -> bool:
    row = Ledger(storage.deliveries).find(mail_id)
    return row is not None and row.state is State.SENT


def own_lines(mail: ReceivedMail) -> tuple[list[bytes], bytes]:
    """The lines that the relay has put in front, and the rest."""
    first, _, rest = mail.mime.partition(b"\r\n")
    return [first], rest


@pytest.mark.usefixtures("function_app")
@pytest.mark.parametrize(
    "body",
    [
        b"Hello.\r\n",
        b".\r\n..\r\n.dots\r\n",
        b"\x00\xff caf\xe9 =\r\n soft",
        b"x" * 200_000 + b"\r\n",
        b"0123456789abcdef\r\n" * 120_000,
    ],
    ids=["small", "dots", "octets", "one long line", "two megabytes"],
)
def test_a_mail_arrives_octet_for_octet(
    edge: Edge, graph: SimulatorClient, storage: Storage, body: bytes
) -> None:
    mail = MAIL + body if body.endswith(b"\r\n") else MAIL + body + b"\r\n"
    mail_id = edge.send(mail)
    (found,) = received(graph)
    ours, rest = own_lines(found)

    assert mail == rest
    trace = b"Received: from scanner by plant-2 with SMTP id " + mail_id.encode() + b"; "
    assert ours[0].startswith(trace)
    assert found.recipients == ("ann@contoso.com",)
    assert found.mailbox == "scan@contoso.com"

    until(lambda: is_sent(storage, mail_id))
    row = Ledger(storage.deliveries).find(mail_id)

    assert row is not None
    assert (row.attempts, row.request_id) == (1, found.request_id)
    until(lambda: storage.outbound.get_queue_properties().approximate_message_count == 0)
    until(lambda: list(storage.mail.list_blob_names()) == [])
    assert edge.events("spooled")[0]["id"] == mail_id


@pytest.mark.usefixtures("function_app")
def test_the_envelope_decides_who_gets_it(edge: Edge, graph: SimulatorClient) -> None:
    mail = MAIL.replace(b"To: ann@contoso.com", b"To: ann@contoso.com, eve@elsewhere.org")
    edge.send(mail, ("ann@contoso.com", "hidden@x.org"))
    (found,) = received(graph)

    assert found.recipients == ("ann@contoso.com", "hidden@x.org")
    assert b"hidden@x.org" not in found.delivered
    assert b"eve@elsewhere.org" not in found.mime


@pytest.mark.usefixtures("function_app")
def test_transactions_of_one_message_are_deliveries_of_their_own(
    edge: Edge, graph: SimulatorClient
) -> None:
    everybody = ("ann@contoso.com", "bob@contoso.com", "eve@x.org")
    mail = MAIL.replace(b"To: ann@contoso.com", b"To: " + ", ".join(everybody).encode())
    for recipient in everybody:
        edge.send(mail, (recipient,))
    found = received(graph, 3)

    assert {(recipient,) for recipient in everybody} == {mail.recipients for mail in found}
    assert all(mail.recipients[0].encode() in mail.mime for mail in found)


@pytest.mark.usefixtures("function_app")
def test_a_client_that_does_not_wait_for_the_reply_gets_its_mail_sent_once(
    edge: Edge, graph: SimulatorClient, storage: Storage
) -> None:
    edge.send_and_leave()
    received(graph)
    until(lambda: storage.outbound.get_queue_properties().approximate_message_count == 0)
    mail_id = edge.send()
    until(lambda: is_sent(storage, mail_id))

    assert len(graph.mails()) == 2


@pytest.mark.usefixtures("function_app")
def test_a_mailbox_that_hangs_holds_up_nobody_else(edge: Edge, graph: SimulatorClient) -> None:
    graph.fail({"route": "sendMail", "mailbox": "scan@contoso.com", "hang": True})
    edge.send()
    until(lambda: not graph.state()["faults"])
    edge.send(source="127.0.0.2")
    (found,) = received(graph)

    assert found.mailbox == "printer@contoso.com"


@pytest.mark.usefixtures("function_app")
def test_a_mail_that_graph_refuses_for_good_is_kept(
    edge: Edge, graph: SimulatorClient, storage: Storage
) -> None:
    graph.rule(missing=["scan@contoso.com"])
    mail_id = edge.send()
    until(lambda: _state(storage, mail_id) is State.DEAD)

    assert storage.dead_letters.download_blob(f"{mail_id}.eml").readall() == MAIL
    assert b"ErrorInvalidUser" in storage.dead_letters.download_blob(f"{mail_id}.json").readall()


@pytest.mark.usefixtures("function_app")
def test_a_mail_that_is_throttled_comes_through(
    edge: Edge, graph: SimulatorClient, storage: Storage
) -> None:
    graph.fail({"route": "sendMail", "status": 429, "headers": {"Retry-After": "1"}})
    mail_id = edge.send()
    until(lambda: is_sent(storage, mail_id))
    row = Ledger(storage.deliveries).find(mail_id)

    assert row is not None
    assert [attempt.state for attempt in row.history] == [State.DEFERRED, State.SENT]
    (mail,) = graph.mails()
    assert own_lines(mail)[1] == MAIL


def test_a_function_killed_after_graph_took_the_mail_sends_no_second_copy(
    edge: Edge, graph: SimulatorClient, storage: Storage, mail_account: str
) -> None:
    graph.fail({"route": "sendMail", "hang": True, "take": True})
    child = start_function_app(mail_account, graph)
    mail_id = edge.send()
    until(lambda: len(graph.mails()) == 1)
    child.kill()
    child = start_function_app(mail_account, graph)
    until(lambda: is_sent(storage, mail_id))
    child.kill()

    assert len(graph.mails()) == 1


def test_a_killed_edge_loses_nothing(
    tmp_path: Path, graph: SimulatorClient, mail_account: str
) -> None:
    edge = Edge(config(tmp_path, mail_account))
    sent = {edge.send() for _ in range(10)}
    edge.child.kill()
    child = start_function_app(mail_account, graph)
    edge = Edge(config(tmp_path, mail_account))
    until(lambda: {_id_of(mail) for mail in graph.mails()} == sent)
    time_of_rest = len(graph.mails())
    edge.child.kill()
    child.kill()

    assert time_of_rest == len(sent)


def _state(storage: Storage, mail_id: str) -> State | None:
    row = Ledger(storage.deliveries).find(mail_id)
    return row.state if row else None


def _id_of(mail: ReceivedMail) -> str:
    return mail.mime.split(b"id ", 1)[1].split(b";", 1)[0].decode()
