"""The round of the timer: poison, and how much waits."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from function_app.deliver import deliver
from function_app.means import LEASE
from function_app.sweep import sweep
from handoff.ledger import State
from handoff.ticket import Ticket, encode
from tests.builders import MAIL
from tests.function_app.desk import Desk, ScriptedProvider, events


def poisoned(desk: Desk, ticket: Ticket) -> None:
    # As the host does it: the same text, and the service's own time to live.
    desk.storage.poison.send_message(encode(ticket))


def poison_depth(desk: Desk) -> int:
    return desk.storage.poison.get_queue_properties().approximate_message_count or 0


def test_poison_becomes_a_dead_letter(desk: Desk) -> None:
    ticket = desk.a_ticket_with_blob()
    desk.ledger.claim(ticket, "another", desk.now - LEASE, LEASE)
    poisoned(desk, ticket)

    sweep(desk.storage, desk.now)

    row, letter = desk.row(ticket), desk.dead_letters.find(ticket.id)
    assert (State.DEAD, "poison", 1) == (row.state, row.code, row.attempts)
    assert letter is not None
    assert (encode(ticket), "poison") == (letter.ticket, letter.code)
    assert MAIL == desk.dead_letters.octets_of(ticket.id)
    assert not desk.has_content(ticket)
    assert 0 == poison_depth(desk)


def test_poison_that_never_got_a_row_becomes_a_dead_letter(desk: Desk) -> None:
    ticket = desk.a_ticket()
    poisoned(desk, ticket)

    sweep(desk.storage, desk.now)

    assert (State.DEAD, 0) == (desk.row(ticket).state, desk.row(ticket).attempts)
    assert MAIL == desk.dead_letters.octets_of(ticket.id)


def test_poison_without_its_content_is_kept_all_the_same(desk: Desk) -> None:
    ticket = desk.a_ticket_with_blob()
    desk.storage.mail.delete_blob(str(ticket.content.blob))
    poisoned(desk, ticket)

    sweep(desk.storage, desk.now)

    assert desk.dead_letters.find(ticket.id) is not None
    assert 0 == poison_depth(desk)


def test_poison_that_is_no_ticket_is_kept_under_its_message_id(desk: Desk) -> None:
    message = desk.storage.poison.send_message("no ticket")

    sweep(desk.storage, desk.now)

    letter = desk.dead_letters.find(message.id)
    assert letter is not None
    assert ("bad-ticket", "no ticket") == (letter.code, letter.ticket)
    assert 0 == poison_depth(desk)


def test_poison_of_a_sent_mail_is_no_dead_letter(desk: Desk) -> None:
    ticket = desk.a_ticket()
    deliver(desk.queued(ticket), desk.means(ScriptedProvider()))
    poisoned(desk, ticket)

    sweep(desk.storage, desk.now)

    assert State.SENT is desk.row(ticket).state
    assert desk.dead_letters.find(ticket.id) is None
    assert 0 == poison_depth(desk)


def test_poison_of_a_mail_that_is_being_sent_waits(desk: Desk) -> None:
    ticket = desk.a_ticket()
    desk.ledger.claim(ticket, "another", desk.now, LEASE)
    poisoned(desk, ticket)

    sweep(desk.storage, desk.now)

    assert State.SENDING is desk.row(ticket).state
    assert 1 == poison_depth(desk)


def test_poison_stays_while_dead_letters_cannot_be_kept(desk: Desk) -> None:
    ticket = desk.a_ticket()
    poisoned(desk, ticket)
    desk.storage.dead_letters.delete_container()

    with pytest.raises(Exception, match="ContainerNotFound"):
        sweep(desk.storage, desk.now)

    assert 1 == poison_depth(desk)


def test_two_rounds_at_once_keep_each_mail_once(desk: Desk) -> None:
    tickets = [desk.a_ticket() for _ in range(8)]
    for ticket in tickets:
        poisoned(desk, ticket)

    with ThreadPoolExecutor(2) as rounds:
        list(rounds.map(lambda _: sweep(desk.storage, desk.now), range(2)))

    assert [State.DEAD] * 8 == [desk.row(ticket).state for ticket in tickets]
    assert [1] * 8 == [len(desk.row(ticket).history) for ticket in tickets]
    assert 0 == poison_depth(desk)


def test_the_status_row_tells_what_waits(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(3):
        desk.storage.outbound.send_message("x", time_to_live=-1)
    later = desk.now + timedelta(minutes=10)

    sweep(desk.storage, later)

    row = desk.storage.status.get_entity("function-app", "queue")
    assert (3, 0, later) == (row["outbound_depth"], row["poison_depth"], row["at"])
    assert 595 <= row["outbound_oldest_seconds"] <= 605
    assert ("status", 3) == (events(caplog)[-1]["event"], events(caplog)[-1]["outbound_depth"])


def test_a_clock_behind_that_of_the_storage_account_makes_no_age_below_nothing(desk: Desk) -> None:
    desk.storage.outbound.send_message("x", time_to_live=-1)

    sweep(desk.storage, desk.now - timedelta(minutes=10))

    assert 0 == desk.storage.status.get_entity("function-app", "queue")["outbound_oldest_seconds"]


def test_an_empty_queue_has_no_age(desk: Desk) -> None:
    sweep(desk.storage, desk.now)

    assert 0 == desk.storage.status.get_entity("function-app", "queue")["outbound_oldest_seconds"]
