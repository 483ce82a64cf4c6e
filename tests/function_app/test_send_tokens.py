"""Mails and their tokens: real MSAL against a managed identity and Entra, with their moments."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from function_app.deliver import deliver
from function_app.means import Means
from handoff.ledger import State
from local.graph_simulator.client import SimulatorClient
from tests.function_app.desk import BY_SECRET, Desk, delivered

WRONG_SECRET = "wr0ng~of.the-application"

MeansOf = Callable[..., Means]


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


def test_many_mails_at_once_ask_for_one_token(
    desk: Desk, graph: SimulatorClient, means_of: MeansOf
) -> None:
    graph.rule(in_flight=100)
    means = means_of(RELAY_MAILBOX_CONCURRENCY="8", RELAY_MAILBOX_RATE="0")
    messages = [desk.queued(desk.a_ticket()) for _ in range(8)]

    with ThreadPoolExecutor(8) as workers:
        list(workers.map(lambda message: deliver(message, means), messages))

    assert 8 == len(graph.mails())
    assert 1 == len(graph.requests("/msi/token"))


NEEDS_SOMEBODY = [7000222, 700016, 7000112, 65001, 500011, 53003, 900382, 50105, 50194]
PASSES = [50033, 90006, 90024, 90033, 90090, 90012, 50087, 40010, 90055, 50196]


@pytest.mark.parametrize(
    ("number", "needs_somebody"),
    [(number, True) for number in NEEDS_SOMEBODY] + [(number, False) for number in PASSES],
)
def test_a_refusal_of_entra_tells_whether_somebody_must_act(
    desk: Desk,
    graph: SimulatorClient,
    means_of: MeansOf,
    number: int,
    needs_somebody: bool,
) -> None:
    graph.fail({"route": "token", "aadsts": number, "times": 9})

    row = delivered(desk, means_of(ENTRA_AUTHORITY=graph.address, **BY_SECRET))

    assert State.DEFERRED is row.state
    # Of an answer with 5xx MSAL keeps no words.
    assert row.code == f"AADSTS{number}" or (not needs_somebody and row.code == "token-answer")
    assert row.next_attempt_at is not None
    pause = (row.next_attempt_at - row.history[-1].at).total_seconds()
    assert needs_somebody == (pause > 30)
