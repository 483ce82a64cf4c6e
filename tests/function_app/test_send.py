"""A ticket's way to the mailbox: real MSAL, real HTTP, settings as an administrator has them."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest

from function_app.deliver import deliver
from function_app.means import Means
from function_app.pacing.limits import Limits
from function_app.pacing.turns import Pacing
from handoff.ids import request_id_of
from handoff.ledger import State
from local.graph_simulator.client import SimulatorClient
from tests.builders import MAIL
from tests.function_app.desk import APPLICATION, BY_SECRET, Desk, delivered, events

MeansOf = Callable[..., Means]


def test_a_managed_identity_sends(desk: Desk, graph: SimulatorClient, means_of: MeansOf) -> None:
    ticket = desk.a_ticket_with_blob()

    row = delivered(desk, means_of(), ticket)

    (mail,) = graph.mails()
    assert State.SENT is row.state
    assert ("scan@contoso.com", ("ann@contoso.com",)) == (mail.mailbox, mail.recipients)
    assert mail.mime.endswith(b"\r\n\r\nHello.\r\n")
    assert row.request_id == mail.request_id
    assert str(request_id_of(ticket.id)) == mail.client_request_id
    assert row.message_id == mail.message_id


def test_a_user_assigned_identity_sends(
    desk: Desk, graph: SimulatorClient, means_of: MeansOf
) -> None:
    delivered(desk, means_of(AZURE_CLIENT_ID=APPLICATION))

    assert [APPLICATION] == [mail.app for mail in graph.mails()]


def test_a_client_secret_sends_over_tls(
    desk: Desk, graph: SimulatorClient, means_of: MeansOf
) -> None:
    row = delivered(desk, means_of(ENTRA_AUTHORITY=graph.entra, **BY_SECRET))

    assert State.SENT is row.state
    assert [APPLICATION] == [mail.app for mail in graph.mails()]


def test_a_client_secret_sends_by_an_authority_on_loopback(
    desk: Desk, graph: SimulatorClient, means_of: MeansOf
) -> None:
    row = delivered(desk, means_of(ENTRA_AUTHORITY=graph.address, **BY_SECRET))

    assert State.SENT is row.state
    assert [APPLICATION] == [mail.app for mail in graph.mails()]


def test_each_ticket_is_sent_by_the_identity_that_it_names(
    desk: Desk, graph: SimulatorClient, means_of: MeansOf
) -> None:
    plant = {name.replace("DEFAULT", "PLANT"): value for name, value in BY_SECRET.items()}
    means = means_of(ENTRA_AUTHORITY=graph.address, **plant)

    delivered(desk, means, desk.a_ticket(identity="Plant"))
    delivered(desk, means)

    by_secret, by_managed_identity = graph.mails()
    assert APPLICATION == by_secret.app
    assert APPLICATION != by_managed_identity.app


def test_mails_share_a_token_and_a_connection(
    desk: Desk, graph: SimulatorClient, means_of: MeansOf
) -> None:
    means = means_of()

    for _ in range(3):
        delivered(desk, means)

    assert 1 == len(graph.requests("/msi/token"))
    assert 1 == len({call["connection"] for call in graph.requests("/sendMail")})
    assert 3 == len(graph.requests("/sendMail"))


def test_a_mailbox_that_does_not_exist_is_a_dead_letter(
    desk: Desk, graph: SimulatorClient, means_of: MeansOf
) -> None:
    row = delivered(desk, means_of(), desk.a_ticket(mailbox="nobody@elsewhere.example"))

    assert (State.DEAD, "ErrorInvalidUser") == (row.state, row.code)
    assert desk.dead_letters.find(row.id) is not None


def test_a_mailbox_without_permission_is_deferred(
    desk: Desk, graph: SimulatorClient, means_of: MeansOf
) -> None:
    graph.rule(permissions=[])

    row = delivered(desk, means_of())

    assert (State.DEFERRED, "ErrorAccessDenied") == (row.state, row.code)
    assert "Mail.Send" in row.reason


def test_the_request_of_an_attempt_that_failed_is_remembered_for_support(
    desk: Desk, graph: SimulatorClient, means_of: MeansOf
) -> None:
    graph.rule(permissions=[])

    row = delivered(desk, means_of())

    assert UUID(row.history[-1].request_id)
    assert row.request_id == ""


def test_a_throttled_mail_waits_as_long_as_graph_says(
    desk: Desk, graph: SimulatorClient, means_of: MeansOf
) -> None:
    busy = {"error": {"code": "ApplicationThrottled", "message": "Over its limit."}}
    graph.fail(
        {"route": "sendMail", "status": 429, "headers": {"Retry-After": "600"}, "body": busy}
    )

    row = delivered(desk, means_of())

    assert (State.DEFERRED, "ApplicationThrottled") == (row.state, row.code)
    assert row.next_attempt_at is not None
    assert 600 <= (row.next_attempt_at - row.history[-1].at).total_seconds() <= 720


def test_a_mail_outlasts_ten_minutes_of_503_and_arrives_once_as_it_was(
    desk: Desk, graph: SimulatorClient, means_of: MeansOf
) -> None:
    busy = {"error": {"code": "ErrorServerBusy", "message": "Later."}}
    graph.fail({"route": "sendMail", "status": 503, "body": busy, "times": 8})
    ticket, means = desk.a_ticket(), means_of(RELAY_MAILBOX_RATE="0")
    waited = timedelta()
    for _ in range(8):
        # Each time after the pause, which also is the mailbox's.
        later = replace(means, now=partial(_later, waited), pacing=Pacing(Limits.shared(4, 0, 1)))
        row = delivered(desk, later, ticket)
        assert row.next_attempt_at is not None
        waited += row.next_attempt_at - row.history[-1].at

    row = delivered(desk, replace(means, now=partial(_later, waited)), ticket)

    assert waited > timedelta(minutes=10)
    assert (State.SENT, 9) == (row.state, row.attempts)
    (mail,) = graph.mails()
    assert mail.mime.endswith(MAIL)


def _later(waited: timedelta) -> datetime:
    return datetime.now(UTC) + waited


LOST_ANSWERS = [{"reset": True}, {"status": 504, "body": "<html>late</html>"}]


@pytest.mark.parametrize("fault", LOST_ANSWERS, ids=["reset", "504"])
def test_a_lost_answer_is_in_doubt_and_the_mail_comes_back(
    desk: Desk,
    graph: SimulatorClient,
    means_of: MeansOf,
    caplog: pytest.LogCaptureFixture,
    fault: dict[str, Any],
) -> None:
    graph.fail({"route": "sendMail", "take": True} | fault)
    ticket, means = desk.a_ticket(), means_of()
    first = desk.queued(ticket)
    deliver(first, means)
    deliver(desk.queued(ticket), means)

    assert not desk.is_let_go(first)
    assert State.SENT is desk.row(ticket).state
    assert [True] == [event["unsure"] for event in events(caplog) if event["event"] == "deferred"]
    assert 1 == len(graph.mails())
