"""Where a mail is that the ledger does not know yet."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from console.reading.whereabouts import whereabouts
from handoff.ids import new_id
from handoff.storage import Storage
from handoff.ticket import encode
from tests.builders import a_ticket
from tests.console.conftest import Open, Relay
from tests.edge.program import NOWHERE, Edge, config

NOW = datetime.now(UTC)
HOUR = timedelta(hours=1)


def test_a_mail_in_the_queue_is_seen_without_taking_it_out(storage: Storage, relay: Relay) -> None:
    ticket = a_ticket(id=new_id(NOW))
    storage.outbound.send_message("no ticket")
    storage.outbound.send_message(encode(ticket))
    told = relay("why", ticket.id)
    again = relay("why", ticket.id, "--json")

    assert (told.code, again.code) == (0, 0)
    assert "has waited in the queue for" in told.out
    assert again.json["place"] == "queue"
    assert storage.outbound.receive_message() is not None


def test_a_mail_that_failed_again_and_again_is_seen_too(storage: Storage) -> None:
    ticket = a_ticket(id=new_id(NOW))
    storage.poison.send_message(encode(ticket))

    assert whereabouts(ticket.id, storage, None, datetime.now(UTC)).place == "poison"


def test_a_mail_that_is_nowhere_is_explained(storage: Storage, tmp_path: Path) -> None:
    storage.outbound.send_message("no ticket")
    mail_id, now = new_id(NOW - HOUR), datetime.now(UTC)
    nowhere = whereabouts(mail_id, storage, tmp_path, now)

    assert nowhere.place == ""
    assert "no spool here" in nowhere.sentence
    assert "The queue holds 1 message" in nowhere.sentence
    assert "in the future" in whereabouts(new_id(NOW + HOUR), storage, None, now).sentence
    assert "no id" in whereabouts("x", storage, None, now).sentence


@pytest.fixture
def stranded(tmp_path: Path) -> str:
    """The id of a mail that an edge without an uplink has in its spool."""
    edge = Edge(config(tmp_path, NOWHERE))
    try:
        return edge.send().rpartition(" ")[2]
    finally:
        edge.child.kill()


def test_a_mail_in_the_spool_here_is_seen_by_command_and_page(
    relay: Relay, open_site: Open, tmp_path: Path, stranded: str
) -> None:
    settings = {"EDGE_CONFIG": str(tmp_path / "edge.toml")}
    told = relay("why", stranded, **settings)
    page = open_site(environment=settings).get(f"/messages/{stranded}")

    assert told.code == 0
    assert "in the spool of the edge here" in told.out
    assert page.status_code == 200
    assert "in the spool of the edge here" in page.text
