"""A mail that may have been sent already: looked for before a second copy goes out."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from function_app.deliver import deliver
from function_app.doubt import BETWEEN_LOOKS, MOST_LOOKS, WhenUnsure, settle
from function_app.means import LEASE, Means
from function_app.outcome import (
    CannotLook,
    Deferred,
    Found,
    NotSent,
    Outcome,
    Rejected,
    Sent,
    WasSent,
)
from handoff.ledger import State
from handoff.ticket import Ticket
from local.graph_simulator.client import SimulatorClient
from tests.function_app.desk import Desk, ScriptedProvider, delivered, events

MeansOf = Callable[..., Means]
LOST = Deferred("http-504", "Nobody knows.", unsure=True)
OUT_OF_REACH = Deferred("no-connection", "No connection.")
TAKEN_BUT_504 = {"route": "sendMail", "status": 504, "take": True}
TAKEN_BUT_RESET = {"route": "sendMail", "reset": True, "take": True}

SETTLED: dict[str, tuple[Found | Deferred, int, WhenUnsure, type[Outcome] | None]] = {
    "found": (WasSent("graph"), 0, "hold", Sent),
    "not yet found": (NotSent(), 0, "resend", Deferred),
    "still not found": (NotSent(), MOST_LOOKS - 2, "hold", Deferred),
    "not found at last": (NotSent(), MOST_LOOKS - 1, "hold", None),
    "not to be told": (CannotLook("No."), 0, "resend", None),
    "not to be told, and a copy does harm": (CannotLook("No."), 0, "hold", Rejected),
    "not now": (OUT_OF_REACH, 2, "hold", Deferred),
}


@pytest.mark.parametrize(("found", "looks", "when", "expected"), SETTLED.values(), ids=SETTLED)
def test_what_is_found_decides(
    found: Found | Deferred, looks: int, when: WhenUnsure, expected: type[Outcome] | None
) -> None:
    outcome = settle(found, looks, when)

    assert expected is (None if outcome is None else type(outcome))


def test_a_mail_without_doubt_is_not_looked_for(desk: Desk) -> None:
    provider = ScriptedProvider([OUT_OF_REACH])
    means, ticket = desk.means(provider), desk.a_ticket()

    delivered(desk, means, ticket)
    delivered(desk, means, ticket)

    assert [] == provider.sought
    assert 2 == len(provider.letters)


def test_a_mail_that_is_found_is_not_sent_again(desk: Desk) -> None:
    provider = ScriptedProvider([LOST], found=[WasSent("graph")])
    means, ticket = desk.means(provider), desk.a_ticket()
    first_try = desk.now

    assert State.DEFERRED is delivered(desk, means, ticket).state
    desk.now += timedelta(minutes=1)
    row = delivered(desk, means, ticket)

    assert (State.SENT, "graph") == (row.state, row.provider)
    assert 1 == len(provider.letters)
    assert [("", first_try)] == provider.sought


def test_a_mail_whose_worker_died_is_looked_for(desk: Desk) -> None:
    provider = ScriptedProvider(found=[WasSent("graph")])
    ticket = desk.a_ticket()
    desk.ledger.claim(ticket, "another", desk.now, LEASE)
    claimed_at = desk.now
    desk.now += LEASE + timedelta(seconds=1)

    row = delivered(desk, desk.means(provider), ticket)

    assert State.SENT is row.state
    assert [] == provider.letters
    assert [("", claimed_at)] == provider.sought


def test_a_mail_is_sent_again_when_it_is_not_found_at_last(desk: Desk) -> None:
    provider = ScriptedProvider([LOST], found=[NotSent()] * MOST_LOOKS)
    means, ticket = desk.means(provider), desk.a_ticket()

    delivered(desk, means, ticket)
    for looks in range(1, MOST_LOOKS):
        row = delivered(desk, means, ticket)
        assert (State.DEFERRED, "looking", looks) == (row.state, row.code, row.looks)
        assert desk.now + BETWEEN_LOOKS == row.next_attempt_at
        assert 1 == len(provider.letters)
    row = delivered(desk, means, ticket)

    assert State.SENT is row.state
    assert 2 == len(provider.letters)


def test_to_look_is_no_attempt_that_makes_pauses_longer(desk: Desk) -> None:
    provider = ScriptedProvider([LOST, OUT_OF_REACH], found=[NotSent()] * MOST_LOOKS)
    means, ticket = desk.means(provider, jitter=lambda: 0.5), desk.a_ticket()
    for _ in range(1 + MOST_LOOKS):
        row = delivered(desk, means, ticket)

    assert ("no-connection", 2) == (row.code, row.attempts)
    assert desk.now + timedelta(seconds=10) == row.next_attempt_at


def test_each_doubt_is_looked_into_anew(desk: Desk) -> None:
    provider = ScriptedProvider([LOST, LOST], found=[NotSent()] * (MOST_LOOKS + 1))
    means, ticket = desk.means(provider), desk.a_ticket()

    for _ in range(1 + MOST_LOOKS):
        row = delivered(desk, means, ticket)
    assert (2, 0) == (len(provider.letters), row.looks)
    assert desk.now == row.unsure_since

    row = delivered(desk, means, ticket)
    assert ("looking", 1) == (row.code, row.looks)


def test_a_look_that_fails_is_made_again(desk: Desk) -> None:
    provider = ScriptedProvider([LOST], found=[OUT_OF_REACH, WasSent("graph")])
    means, ticket = desk.means(provider), desk.a_ticket()

    delivered(desk, means, ticket)
    row = delivered(desk, means, ticket)
    assert ("no-connection", 0) == (row.code, row.looks)

    assert State.SENT is delivered(desk, means, ticket).state
    assert 1 == len(provider.letters)


def test_hold_keeps_what_nobody_can_tell(desk: Desk) -> None:
    provider = ScriptedProvider([LOST])
    means, ticket = desk.means(provider, when_unsure="hold"), desk.a_ticket()

    delivered(desk, means, ticket)
    row = delivered(desk, means, ticket)

    assert (State.DEAD, "unsure") == (row.state, row.code)
    assert 1 == len(provider.letters)
    assert desk.dead_letters.find(row.id) is not None


def test_a_held_mail_that_is_redriven_is_sent(desk: Desk) -> None:
    provider = ScriptedProvider([LOST])
    means, ticket = desk.means(provider, when_unsure="hold"), desk.a_ticket()
    delivered(desk, means, ticket)
    delivered(desk, means, ticket)

    redriven = ticket.model_copy(update={"generation": 1})
    row = delivered(desk, means, redriven)

    assert State.SENT is row.state
    assert 2 == len(provider.letters)


def test_a_noted_draft_is_in_the_row_before_it_is_sent(desk: Desk) -> None:
    ticket = desk.a_ticket()
    provider = ScriptedProvider(
        [LOST], during=lambda letter: drafts.append(desk.row(ticket).draft_id), draft="draft-1"
    )
    drafts: list[str] = []
    means = desk.means(provider)

    delivered(desk, means, ticket)
    delivered(desk, means, ticket)

    assert ["draft-1", "draft-1"] == drafts
    assert ["draft-1"] == [draft_id for draft_id, _ in provider.sought]


@pytest.mark.parametrize("fault", [TAKEN_BUT_504, TAKEN_BUT_RESET], ids=["504", "reset"])
def test_a_mail_that_graph_took_without_telling_arrives_once(
    desk: Desk, graph: SimulatorClient, means_of: MeansOf, fault: dict[str, object]
) -> None:
    graph.fail(fault)
    means, ticket = means_of(), desk.a_ticket(to=("ann@contoso.com", "hidden@x.org"))

    assert State.DEFERRED is delivered(desk, means, ticket).state
    assert State.SENT is delivered(desk, means, ticket).state

    assert 1 == len(graph.mails())
    assert 1 == len(graph.requests("/sendMail"))


def test_a_copy_that_is_not_seen_yet_is_waited_for(
    desk: Desk, graph: SimulatorClient, means_of: MeansOf
) -> None:
    graph.rule(sent_delay=3600)
    graph.fail(TAKEN_BUT_504)
    means, ticket = means_of(), desk.a_ticket()

    delivered(desk, means, ticket)
    assert "looking" == delivered(desk, means, ticket).code
    assert 1 == len(graph.mails())


def test_another_transaction_of_one_message_is_no_copy(
    desk: Desk, graph: SimulatorClient, means_of: MeansOf
) -> None:
    means = means_of()
    delivered(desk, means, desk.a_ticket(to=("ann@contoso.com",)))
    graph.fail({"route": "sendMail", "status": 504})
    second = desk.a_ticket(to=("bob@contoso.com",))

    _until_sent(desk, means, second)

    recipients = [mail.recipients for mail in graph.mails()]
    assert [("ann@contoso.com",), ("bob@contoso.com",)] == recipients


def test_an_older_mail_of_the_same_message_id_is_no_copy(
    desk: Desk, graph: SimulatorClient, means_of: MeansOf
) -> None:
    means = means_of()
    delivered(desk, means, desk.a_ticket())
    graph.fail({"route": "sendMail", "status": 504})
    an_hour_later = replace(means, now=lambda: datetime.now(UTC) + timedelta(hours=1))

    _until_sent(desk, an_hour_later, desk.a_ticket())

    assert 2 == len(graph.mails())


def test_without_permission_to_look_the_mail_is_sent_again(
    desk: Desk, graph: SimulatorClient, means_of: MeansOf, caplog: pytest.LogCaptureFixture
) -> None:
    graph.rule(permissions=["Mail.Send"])
    graph.fail(TAKEN_BUT_504)
    means, ticket = means_of(), desk.a_ticket()

    delivered(desk, means, ticket)
    row = delivered(desk, means, ticket)

    assert State.SENT is row.state
    assert 2 == len(graph.mails())
    assert ["CannotLook"] == [e["found"] for e in events(caplog) if e["event"] == "looked"]


def test_without_permission_to_look_the_mail_can_be_held(
    desk: Desk, graph: SimulatorClient, means_of: MeansOf
) -> None:
    graph.rule(permissions=["Mail.Send"])
    graph.fail(TAKEN_BUT_504)
    means, ticket = means_of(RELAY_WHEN_UNSURE="hold"), desk.a_ticket()

    delivered(desk, means, ticket)
    row = delivered(desk, means, ticket)

    assert (State.DEAD, "unsure") == (row.state, row.code)
    assert "Mail.ReadBasic" in row.reason
    assert 1 == len(graph.mails())


def _until_sent(desk: Desk, means: Means, ticket: Ticket) -> None:
    for _ in range(2 + MOST_LOOKS):
        deliver(desk.queued(ticket), means)
    assert State.SENT is desk.row(ticket).state
