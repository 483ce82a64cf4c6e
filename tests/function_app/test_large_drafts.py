"""Drafts of large mails: when they are noted, sent, sent again and removed."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from function_app.means import Means
from function_app.outcome import Deferred, Sent
from handoff.ledger import ClaimLost, Delivery, State
from handoff.ticket import Ticket
from local.graph_simulator.client import SimulatorClient
from tests.fixtures.graph import GraphMailbox
from tests.function_app.desk import Desk, delivered
from tests.function_app.large_mails import (
    CREATE,
    MAIL,
    OPEN,
    PUT,
    SEND,
    check_arrived_once,
    methods,
    slow_down,
)
from tests.function_app.letters import composed

MeansOf = Callable[..., Means]


# Permissions


def test_the_missing_permission_is_named(
    desk: Desk, graph: SimulatorClient, means_of: MeansOf
) -> None:
    graph.rule(permissions=["Mail.Send"])
    provider = means_of().provider_of("default")
    assert provider is not None
    outcome = provider.send(composed(MAIL), no_draft)

    assert isinstance(outcome, Deferred)
    assert ("may-not-draft", True, False) == (
        outcome.code,
        outcome.is_configuration,
        outcome.unsure,
    )
    assert "Grant it Mail.ReadWrite" in outcome.reason
    assert PUT not in methods(graph)


def test_a_draft_that_must_not_be_sent_is_removed(
    desk: Desk, graph: SimulatorClient, means_of: MeansOf
) -> None:
    octets = MAIL.replace(b"scan@contoso.com", b"ceo@contoso.com")
    ticket = desk.a_ticket_with_blob(octets, from_policy="keep")
    row = delivered(desk, means_of(), ticket)

    assert (State.DEAD, "ErrorSendAsDenied", "") == (row.state, row.code, row.draft_id)
    assert [] == graph.state()["drafts"]


# A draft that was noted


def test_a_draft_is_noted_when_it_is_complete(
    desk: Desk, graph: SimulatorClient, means_of: MeansOf
) -> None:
    noted: list[tuple[str, list[str]]] = []
    provider = means_of().provider_of("default")
    assert provider is not None
    provider.send(composed(MAIL), lambda draft_id: noted.append((draft_id, methods(graph))))

    ((draft_id, calls),) = noted
    assert f"/messages/{draft_id}/send" in graph.requests()[-1]["path"]
    assert [CREATE, OPEN, PUT, PUT, PUT] == calls[1:]


@pytest.mark.parametrize("fault", [{"status": 504}, {"reset": True}], ids=str)
def test_a_draft_that_went_without_an_answer_is_found(
    desk: Desk, graph: SimulatorClient, means_of: MeansOf, fault: dict[str, Any]
) -> None:
    graph.fail({"route": "send", "take": True} | fault)
    ticket, means = desk.a_ticket_with_blob(MAIL), means_of()
    row = delivered(desk, means, ticket)

    assert (State.DEFERRED, 72) == (row.state, len(row.draft_id))
    assert row.unsure_since is not None
    assert State.SENT is delivered(desk, means, ticket).state
    assert 1 == methods(graph).count(CREATE)
    check_arrived_once(graph)


NOT_SENT = {"doubtful": {"status": 504}, "forbidden": {"status": 403}}


@pytest.mark.parametrize("fault", NOT_SENT.values(), ids=NOT_SENT)
def test_a_draft_that_did_not_go_is_sent_again_by_its_id(
    desk: Desk, graph: SimulatorClient, means_of: MeansOf, fault: dict[str, Any]
) -> None:
    graph.fail({"route": "send"} | fault)
    ticket, means = desk.a_ticket_with_blob(MAIL), means_of()
    draft_id = delivered(desk, means, ticket).draft_id

    assert [draft_id] == graph.state()["drafts"]
    until_sent(desk, means, ticket)
    assert 1 == methods(graph).count(CREATE)
    check_arrived_once(graph)


def test_a_draft_that_was_throttled_is_sent_by_its_id(
    graph: SimulatorClient, means_of: MeansOf
) -> None:
    graph.fail({"route": "send"} | slow_down(42))
    noted: list[str] = []
    provider = means_of().provider_of("default")
    assert provider is not None
    outcome = provider.send(composed(MAIL), noted.append)

    assert isinstance(outcome, Deferred)
    assert (timedelta(seconds=42), True, False) == (
        outcome.after,
        outcome.is_throttled,
        outcome.unsure,
    )
    assert isinstance(provider.send(composed(MAIL), noted.append, noted[0]), Sent)
    assert ([CREATE, SEND, SEND], 1) == (
        [call for call in methods(graph) if call in (CREATE, SEND)],
        len(noted),
    )


def test_a_draft_that_somebody_removed_is_made_anew(
    desk: Desk, graph: SimulatorClient, mailbox: GraphMailbox, means_of: MeansOf
) -> None:
    graph.fail({"route": "send", "status": 403})
    ticket, means = desk.a_ticket_with_blob(MAIL), means_of()
    row = delivered(desk, means, ticket)
    mailbox.session.delete(f"{mailbox.messages}/{row.draft_id}", timeout=30)
    row = delivered(desk, means, ticket)

    assert (State.DEFERRED, "draft-gone", "") == (row.state, row.code, row.draft_id)
    assert row.unsure_since is not None
    until_sent(desk, means, ticket)
    check_arrived_once(graph)


def test_a_draft_that_was_sent_after_all_is_not_made_anew(
    desk: Desk, graph: SimulatorClient, mailbox: GraphMailbox, means_of: MeansOf
) -> None:
    graph.fail({"route": "send", "status": 403})
    ticket, means = desk.a_ticket_with_blob(MAIL), means_of()
    row = delivered(desk, means, ticket)
    mailbox.post(f"{row.draft_id}/send")
    until_sent(desk, means, ticket)

    assert 1 == methods(graph).count(CREATE)
    check_arrived_once(graph)


def test_a_draft_that_cannot_be_noted_is_removed(
    desk: Desk, graph: SimulatorClient, means_of: MeansOf
) -> None:
    provider = means_of().provider_of("default")
    assert provider is not None

    def lose(draft_id: str) -> None:
        raise ClaimLost("x")

    with pytest.raises(ClaimLost):
        provider.send(composed(MAIL), lose)
    assert ([], []) == (graph.mails(), graph.state()["drafts"])


# What an attempt leaves behind


def test_what_was_left_behind_is_removed_and_nothing_else(
    desk: Desk, graph: SimulatorClient, mailbox: GraphMailbox, means_of: MeansOf
) -> None:
    own, other = desk.a_ticket_with_blob(MAIL), desk.a_ticket_with_blob(MAIL)
    means = means_of()
    # A draft whose answer was lost stays.
    graph.fail({"route": "messages", "status": 504, "take": True, "times": 2})
    for ticket in (own, other):
        delivered(desk, means, ticket)
    users = mailbox.create({"subject": "Not yet written"})
    assert 3 == len(graph.state()["drafts"])

    until_sent(desk, means, own)

    left = graph.state()["drafts"]
    assert (2, True) == (len(left), users in left)
    until_sent(desk, means, other)
    assert [users] == graph.state()["drafts"]


def until_sent(desk: Desk, means: Means, ticket: Ticket) -> Delivery:
    for _ in range(6):
        row = delivered(desk, means, ticket)
        if row.state is State.SENT:
            return row
    raise AssertionError(row)


def no_draft(draft_id: str) -> None:
    raise AssertionError(f"a draft: {draft_id}")
