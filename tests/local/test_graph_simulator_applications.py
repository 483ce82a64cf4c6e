"""The simulator is as strict as Graph: an application's record, for whoever may read it."""

from typing import Any

import pytest
import requests

from local.graph_simulator.client import SimulatorClient
from tests.certificates import a_certificate
from tests.fixtures.graph import GraphMailbox, error_of

TENANT = "22222222-2222-2222-2222-222222222222"
CLIENT = "33333333-3333-3333-3333-333333333333"
SECRET = {"hint": "s3c", "ends_at": "2027-11-21T00:00:00Z"}


def ask(mailbox: GraphMailbox, client_id: str = CLIENT, **query: str) -> requests.Response:
    return mailbox.session.get(
        f"{mailbox.graph.address}/v1.0/applications(appId='{client_id}')", params=query, timeout=30
    )


@pytest.fixture
def record(graph: SimulatorClient) -> dict[str, Any]:
    graph.rule(permissions=["Application.Read.All"])
    certificate = a_certificate()
    graph.know(TENANT, CLIENT, "s3cret", certificate=certificate.public_pem, secrets=[SECRET])
    return {"ends": certificate.certificate.not_valid_after_utc}


def test_the_record_of_an_application_is_shown(
    mailbox: GraphMailbox, record: dict[str, Any]
) -> None:
    shown = ask(mailbox, **{"$select": "passwordCredentials,keyCredentials"}).json()
    (secret,), (key,) = shown["passwordCredentials"], shown["keyCredentials"]

    assert ["@odata.context", "passwordCredentials", "keyCredentials"] == list(shown)
    assert ("s3c", None) == (secret["hint"], secret["secretText"])
    assert secret["endDateTime"].startswith("2027-11-21T00:00:00.")
    assert key["endDateTime"].startswith(f"{record['ends']:%Y-%m-%dT%H:%M:%S}")
    assert "s3cret" not in str(ask(mailbox).json())


def test_who_may_not_read_it_is_refused(graph: SimulatorClient, mailbox: GraphMailbox) -> None:
    graph.know(TENANT, CLIENT, "s3cret", secrets=[SECRET])

    assert (403, "Authorization_RequestDenied") == error_of(ask(mailbox))


@pytest.mark.parametrize(
    ("client_id", "query", "expected"),
    [
        (TENANT, {}, (404, "Request_ResourceNotFound")),
        (CLIENT, {"$select": "secrets"}, (400, "BadRequest")),
    ],
)
def test_what_is_not_there_is_not_shown(
    mailbox: GraphMailbox,
    record: dict[str, Any],
    client_id: str,
    query: dict[str, str],
    expected: tuple[int, str],
) -> None:
    assert expected == error_of(ask(mailbox, client_id, **query))
