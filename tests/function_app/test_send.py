"""A ticket's way to the mailbox: real MSAL, real HTTP, settings as an administrator has them."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from function_app.deliver import deliver
from function_app.means import Means
from function_app.providers.graph import request_id_of
from function_app.root import assemble
from function_app.settings import Settings
from handoff.ledger import Delivery, State
from handoff.storage import Storage
from handoff.ticket import Ticket
from local.graph_simulator.client import SimulatorClient
from tests.function_app.desk import Desk, events

TENANT = "72f988bf-0000-0000-0000-000000000000"
APPLICATION = "11111111-2222-3333-4444-555555555555"
SECRET = "s3cr3t~of.the-application"
WRONG_SECRET = "wr0ng~of.the-application"
BY_SECRET = {
    "IDENTITY__DEFAULT__CREDENTIAL": "client_secret",
    "IDENTITY__DEFAULT__TENANT_ID": TENANT,
    "IDENTITY__DEFAULT__CLIENT_ID": APPLICATION,
    "IDENTITY__DEFAULT__CLIENT_SECRET": SECRET,
}

MeansOf = Callable[..., Means]


@pytest.fixture
def desk(storage: Storage) -> Desk:
    return Desk(storage)


@pytest.fixture
def means_of(desk: Desk, graph: SimulatorClient, monkeypatch: pytest.MonkeyPatch) -> MeansOf:
    """Put the function app together from settings, on a machine with a managed identity."""
    monkeypatch.setenv("IDENTITY_ENDPOINT", graph.identity_endpoint)
    monkeypatch.setenv("IDENTITY_HEADER", graph.identity_header)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", graph.ca_file)
    graph.know(TENANT, APPLICATION, SECRET)

    def means_of(**settings: str) -> Means:
        known = {"MailStorage": "unused", "GRAPH_ENDPOINT": graph.address} | settings
        return assemble(Settings.from_env(known), desk.storage)

    return means_of


def delivered(desk: Desk, means: Means, ticket: Ticket | None = None) -> Delivery:
    ticket = ticket or desk.a_ticket()
    deliver(desk.queued(ticket), means)
    return desk.row(ticket)


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


def test_a_refused_token_is_replaced_once(
    desk: Desk, graph: SimulatorClient, means_of: MeansOf
) -> None:
    means = means_of()
    delivered(desk, means)
    graph.reset()  # knows no token of before

    row = delivered(desk, means)

    assert State.SENT is row.state
    assert [401, 202] == [call["status"] for call in graph.requests("/sendMail")]
    assert 1 == len(graph.requests("/msi/token"))


def test_a_token_that_is_refused_twice_defers(
    desk: Desk, graph: SimulatorClient, means_of: MeansOf
) -> None:
    refusal = {"error": {"code": "InvalidAuthenticationToken", "message": "No."}}
    graph.fail({"route": "sendMail", "status": 401, "body": refusal, "times": 2})

    row = delivered(desk, means_of())

    assert (State.DEFERRED, "InvalidAuthenticationToken") == (row.state, row.code)
    assert 2 == len(graph.requests("/sendMail"))


@pytest.mark.parametrize("settings", [{}, BY_SECRET], ids=["managed identity", "client secret"])
def test_a_claims_challenge_brings_a_new_token(
    desk: Desk, graph: SimulatorClient, means_of: MeansOf, settings: dict[str, str]
) -> None:
    # https://learn.microsoft.com/entra/identity-platform/app-resilience-continuous-access-evaluation
    challenge = (
        'Bearer realm="", error="insufficient_claims", claims="eyJhY2Nlc3NfdG9rZW4iOnt9fQ=="'
    )
    means = means_of(ENTRA_AUTHORITY=graph.address, **settings)
    graph.fail({"route": "sendMail", "status": 401, "headers": {"WWW-Authenticate": challenge}})

    row = delivered(desk, means)

    tokens = graph.requests("/msi/token") + graph.requests("/oauth2/v2.0/token")
    assert State.SENT is row.state
    assert 2 == len(tokens)


TOKEN_FAULTS = [
    ({"IDENTITY__DEFAULT__CLIENT_SECRET": WRONG_SECRET}, "AADSTS7000215", "not to its id"),
    ({"IDENTITY__DEFAULT__CLIENT_ID": "unknown"}, "AADSTS700016", "Check CLIENT_ID"),
    ({"IDENTITY__DEFAULT__TENANT_ID": "unknown"}, "AADSTS90002", "Check TENANT_ID"),
]


@pytest.mark.parametrize(("settings", "code", "advice"), TOKEN_FAULTS)
def test_a_token_that_entra_refuses_defers_with_advice(
    desk: Desk,
    graph: SimulatorClient,
    means_of: MeansOf,
    caplog: pytest.LogCaptureFixture,
    settings: dict[str, str],
    code: str,
    advice: str,
) -> None:
    row = delivered(desk, means_of(**BY_SECRET | {"ENTRA_AUTHORITY": graph.entra} | settings))

    assert (State.DEFERRED, code) == (row.state, row.code)
    assert advice in row.reason
    assert WRONG_SECRET not in f"{row}{caplog.text}"


def test_an_expired_secret_defers_with_advice(
    desk: Desk, graph: SimulatorClient, means_of: MeansOf
) -> None:
    said = "AADSTS7000222: The provided client secret keys for app are expired.\r\nTrace ID: 1"
    expired = {"error": "invalid_client", "error_description": said, "error_codes": [7000222]}
    graph.fail({"route": "token", "status": 401, "body": expired})

    row = delivered(desk, means_of(ENTRA_AUTHORITY=graph.entra, **BY_SECRET))

    assert (State.DEFERRED, "AADSTS7000222") == (row.state, row.code)
    assert "Make a new one" in row.reason


TOKEN_OUTAGES: list[tuple[dict[str, Any], str]] = [
    ({"reset": True}, "token-transport"),
    ({"status": 502, "body": "<html>oh</html>"}, "token-"),
    ({"status": 500, "body": {"statusCode": 500, "message": "An unexpected error"}}, "token-"),
    ({"status": 500, "body": []}, "token-"),
    ({"status": 200, "body": "null"}, "token-"),
]


@pytest.mark.parametrize(("fault", "code"), TOKEN_OUTAGES)
@pytest.mark.parametrize(
    ("route", "settings"), [("identity", {}), ("token", BY_SECRET)], ids=["identity", "token"]
)
def test_a_token_endpoint_out_of_order_defers(
    desk: Desk,
    graph: SimulatorClient,
    means_of: MeansOf,
    route: str,
    settings: dict[str, str],
    fault: dict[str, Any],
    code: str,
) -> None:
    graph.fail({"route": route} | fault)

    row = delivered(desk, means_of(ENTRA_AUTHORITY=graph.entra, **settings))

    assert State.DEFERRED is row.state
    assert row.code.startswith(code)
    assert [] == graph.requests("/sendMail")


def test_an_authority_that_nobody_listens_at_defers(
    desk: Desk, graph: SimulatorClient, means_of: MeansOf
) -> None:
    row = delivered(desk, means_of(ENTRA_AUTHORITY="http://127.0.0.1:9", **BY_SECRET))

    assert (State.DEFERRED, "token-transport") == (row.state, row.code)


def test_a_certificate_that_is_not_trusted_leaves_no_doubt(
    desk: Desk, graph: SimulatorClient, means_of: MeansOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")

    row = delivered(desk, means_of(GRAPH_ENDPOINT=graph.entra))

    assert (State.DEFERRED, "no-connection") == (row.state, row.code)


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
    copies = graph.mails()
    assert [copies[0].message_id] * 2 == [mail.message_id for mail in copies]


def test_many_mails_at_once_ask_for_one_token(
    desk: Desk, graph: SimulatorClient, means_of: MeansOf
) -> None:
    graph.rule(in_flight=100)
    means = means_of()
    messages = [desk.queued(desk.a_ticket()) for _ in range(8)]

    with ThreadPoolExecutor(8) as workers:
        list(workers.map(lambda message: deliver(message, means), messages))

    assert 8 == len(graph.mails())
    assert 1 == len(graph.requests("/msi/token"))
