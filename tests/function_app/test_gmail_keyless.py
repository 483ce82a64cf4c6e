"""Gmail by a service account without a key: real google-auth and MSAL against both simulators."""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from google.auth.exceptions import OAuthError, RefreshError
from joserfc import jwt
from joserfc.jwk import RSAKey

from function_app.means import Means
from function_app.outcome import Sent
from function_app.providers.gmail.refusals import refusal_of
from function_app.settings import Settings, SettingsError
from handoff.ledger import Delivery, State
from local.graph_simulator.client import SimulatorClient
from local.graph_simulator.world import ISSUER
from tests.fixtures.gmail import ACCOUNT, PROVIDER, GmailClient
from tests.function_app.desk import Desk, delivered
from tests.function_app.test_gmail import a_letter
from tests.function_app.to_smarthost import no_draft

URI = "api://relay-to-google"
WHO = "33333333-3333-3333-3333-333333333333"
KEYS = {
    "PROVIDER": "gmail",
    "CREDENTIAL": "federation",
    "SERVICE_ACCOUNT": ACCOUNT,
    "POOL_PROVIDER": PROVIDER,
    "APPLICATION_ID_URI": URI,
    "MANAGED_IDENTITY_CLIENT_ID": WHO,
}
Deliver = Callable[..., Delivery]


def settings_of(keys: dict[str, str]) -> dict[str, str]:
    return {f"IDENTITY__G__{key}": value for key, value in keys.items() if value}


@pytest.fixture
def pool(graph: SimulatorClient, gmail: GmailClient) -> dict[str, Any]:
    pool = {
        "issuer": ISSUER,
        "audiences": [URI],
        "keys": graph.public_keys(),
        "subjects": [WHO],
        "signers": [WHO],
    }
    gmail.rule(pool=pool)
    return pool


@pytest.fixture
def deliver(desk: Desk, gmail: GmailClient, means_of: Callable[..., Means]) -> Deliver:
    """Mails of one process by an identity with the KEYS, some of them changed."""
    made: list[Means] = []

    def deliver(mailbox: str = "scan@contoso.com", **changes: str) -> Delivery:
        if changes or not made:
            found = settings_of(KEYS | changes)
            made.append(means_of(GMAIL_ENDPOINT=gmail.address, **found))
        return delivered(desk, made[-1], desk.a_ticket(identity="g", mailbox=mailbox))

    return deliver


@pytest.mark.usefixtures("pool")
def test_a_managed_identity_sends_without_any_key(
    deliver: Deliver, gmail: GmailClient, graph: SimulatorClient
) -> None:
    row = deliver()

    assert (State.SENT, "gmail", "") == (row.state, row.provider, row.reason)
    assert ["scan@contoso.com"] == [mail["mailbox"] for mail in gmail.mails()]
    assert [200] == [call["status"] for call in graph.requests("/msi/token")]


@pytest.mark.usefixtures("pool")
def test_mailboxes_share_what_proves_the_service_account_although_all_want_it_at_once(
    gmail: GmailClient, graph: SimulatorClient, means_of: Callable[..., Means]
) -> None:
    provider = means_of(GMAIL_ENDPOINT=gmail.address, **settings_of(KEYS)).provider_of("g")
    assert provider is not None
    letters = [a_letter(mailbox=f"m{number}@contoso.com") for number in range(4)]
    with ThreadPoolExecutor(4) as threads:
        outcomes = list(threads.map(lambda letter: provider.send(letter, no_draft), letters))

    assert [Sent] * 4 == [type(outcome) for outcome in outcomes]
    assert 1 == len(graph.requests("/msi/token"))
    assert 1 + 4 == gmail.state()["tokens_given"]


def token(key: RSAKey, **changes: Any) -> str:
    claims = {"iss": ISSUER, "aud": URI, "sub": WHO, "exp": int(time.time()) + 600}
    return jwt.encode({"alg": "RS256", "kid": "mine"}, claims | changes, key)


@pytest.fixture(scope="module")
def cluster() -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": "mine"})


@pytest.fixture
def file(tmp_path: Path, pool: dict[str, Any], gmail: GmailClient, cluster: RSAKey) -> Path:
    gmail.rule(pool=pool | {"keys": [cluster.as_dict(private=False)]})
    path = tmp_path / "token"
    path.write_text(token(cluster))
    return path


OF_FILE = {"APPLICATION_ID_URI": "", "MANAGED_IDENTITY_CLIENT_ID": ""}


def test_the_token_of_a_cluster_sends(deliver: Deliver, file: Path) -> None:
    assert State.SENT is deliver(TOKEN_FILE=str(file), **OF_FILE).state


def test_the_file_that_the_cluster_names_is_taken(
    desk: Desk, gmail: GmailClient, means_of: Callable[..., Means], file: Path
) -> None:
    means = means_of(
        GMAIL_ENDPOINT=gmail.address,
        AZURE_FEDERATED_TOKEN_FILE=str(file),
        **settings_of(KEYS | OF_FILE),
    )

    assert State.SENT is delivered(desk, means, desk.a_ticket(identity="g")).state


UNTRUSTED: dict[str, tuple[dict[str, Any], str]] = {
    "issuer": ({"iss": "https://elsewhere.example/"}, "federation-invalid_grant"),
    "audience": ({"aud": "api://other"}, "federation-invalid_grant"),
    "time": ({"exp": 1}, "federation-invalid_grant"),
    "subject": ({"sub": "somebody"}, "federation-unauthorized_client"),
}


@pytest.mark.parametrize(("claims", "code"), UNTRUSTED.values(), ids=UNTRUSTED)
def test_a_token_that_google_does_not_trust_waits_for_an_administrator(
    deliver: Deliver, file: Path, cluster: RSAKey, claims: dict[str, Any], code: str
) -> None:
    file.write_text(token(cluster, **claims))
    row = deliver(TOKEN_FILE=str(file), **OF_FILE)

    assert (State.DEFERRED, code) == (row.state, row.code)
    assert "ey" not in row.reason.split()[0]
    assert len(row.reason) > 60


REFUSED: dict[str, tuple[dict[str, Any], dict[str, str], str, str]] = {
    "role": ({"signers": []}, {}, "sign-PERMISSION_DENIED", "Token Creator"),
    "pool": ({"provider": "projects/2"}, {}, "federation-invalid_target", "POOL_PROVIDER"),
    "account": ({}, {"SERVICE_ACCOUNT": "x@p.iam"}, "sign-NOT_FOUND", "SERVICE_ACCOUNT"),
    "resource": (
        {},
        {"APPLICATION_ID_URI": "api://other"},
        "federation-invalid_grant",
        "audiences",
    ),
}


@pytest.mark.parametrize(("rules", "keys", "code", "fix"), REFUSED.values(), ids=REFUSED)
def test_what_is_missing_at_google_is_named(
    deliver: Deliver,
    gmail: GmailClient,
    pool: dict[str, Any],
    rules: dict[str, Any],
    keys: dict[str, str],
    code: str,
    fix: str,
) -> None:
    gmail.rule(pool=pool | rules)
    row = deliver(**keys)

    assert (State.DEFERRED, code) == (row.state, row.code)
    assert fix in row.reason


@pytest.mark.usefixtures("pool")
def test_a_missing_delegation_is_named(deliver: Deliver, gmail: GmailClient) -> None:
    gmail.rule(delegated=[])
    row = deliver()

    assert (State.DEFERRED, "token-unauthorized_client") == (row.state, row.code)


PASSING: dict[str, tuple[dict[str, Any], str]] = {
    "exchange, page": ({"route": "exchange", "status": 502, "body": "<html>"}, "token-answer"),
    "exchange, lie": ({"route": "exchange", "status": 200, "body": "<html>"}, "token-answer"),
    "exchange, empty": ({"route": "exchange", "status": 200, "body": {}}, "token-answer"),
    "exchange, none": ({"route": "exchange", "reset": True}, "token-transport"),
    "sign, page": ({"route": "sign", "status": 503, "body": "<html>"}, "token-answer"),
    "sign, lie": ({"route": "sign", "status": 200, "body": "<html>"}, "token-answer"),
    "sign, busy": (
        {"route": "sign", "status": 429, "body": {"error": {"status": "RESOURCE_EXHAUSTED"}}},
        "sign-RESOURCE_EXHAUSTED",
    ),
    "sign, none": ({"route": "sign", "reset": True}, "token-transport"),
}


@pytest.mark.usefixtures("pool")
@pytest.mark.parametrize(("fault", "code"), PASSING.values(), ids=PASSING)
def test_a_place_that_is_out_of_order_is_waited_for(
    deliver: Deliver, gmail: GmailClient, fault: dict[str, Any], code: str
) -> None:
    gmail.fail(fault)
    rows = [deliver(), deliver()]

    assert [(State.DEFERRED, code), (State.SENT, "")] == [(row.state, row.code) for row in rows]


@pytest.mark.usefixtures("pool")
def test_a_managed_identity_that_is_not_there_is_named(
    deliver: Deliver, graph: SimulatorClient
) -> None:
    graph.fail({"route": "identity", "status": 400, "body": {"statusCode": 400, "message": "No."}})
    row = deliver()

    assert State.DEFERRED is row.state
    assert row.code.startswith("token-")
    assert "managed identity" in row.reason


WRONG: dict[str, tuple[dict[str, str], str]] = {
    "account": ({"SERVICE_ACCOUNT": '{"private_key": "s3cret"}'}, "SERVICE_ACCOUNT: write the"),
    "no account": ({"SERVICE_ACCOUNT": ""}, "SERVICE_ACCOUNT: write the address"),
    "pool": ({"POOL_PROVIDER": "s3cret"}, "POOL_PROVIDER: write the name"),
    "no proof": ({"APPLICATION_ID_URI": ""}, "APPLICATION_ID_URI: set it"),
    "two proofs": ({"TOKEN_FILE": "/s3cret"}, "APPLICATION_ID_URI: set it"),
    "no URI": ({"APPLICATION_ID_URI": "a s3cret"}, "APPLICATION_ID_URI: this is no URI"),
    "of a key": (
        {"CREDENTIAL": "", "MANAGED_IDENTITY_CLIENT_ID": "", "POOL_PROVIDER": ""},
        "CREDENTIAL: APPLICATION_ID_URI is set",
    ),
    "of Entra": ({"TENANT_ID": "s3cret"}, "TENANT_ID: the provider gmail has no such key"),
    "another": ({"CREDENTIAL": "certificate"}, "CREDENTIAL: write service_account or federation"),
}


@pytest.mark.parametrize(("changes", "fault"), WRONG.values(), ids=WRONG)
def test_settings_that_make_no_sense_are_told_without_being_shown(
    changes: dict[str, str], fault: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_env({"MailStorage": "unused"} | settings_of(KEYS | changes))

    assert any(one.startswith(f"IDENTITY__G__{fault}") for one in caught.value.faults)
    assert "s3cret" not in json.dumps(caught.value.faults)


def test_a_managed_identity_that_is_asked_for_wins_over_the_cluster() -> None:
    env = settings_of(KEYS) | {"MailStorage": "unused", "AZURE_FEDERATED_TOKEN_FILE": "/there"}

    assert "" == Settings.from_env(env).identities["g"].token_file


@pytest.mark.parametrize(
    ("kind", "body", "code", "is_configuration"),
    [
        (OAuthError, '{"error": "invalid_target"}', "federation-invalid_target", True),
        (OAuthError, '{"error": "new"}', "federation-new", False),
        (OAuthError, "[]", "token-answer", False),
        (RefreshError, '{"error": {"status": "NOT_FOUND"}}', "sign-NOT_FOUND", True),
        (RefreshError, '{"error": {"status": "ABORTED"}}', "sign-ABORTED", False),
        (RefreshError, {"error": "invalid_grant"}, "token-invalid_grant", True),
        (RefreshError, {"error": "new"}, "token-new", False),
        (RefreshError, {"error": {}}, "token-answer", False),
        (RefreshError, "<html>", "token-answer", False),
    ],
)
def test_only_what_is_known_to_stay_so_calls_for_an_administrator(
    kind: Any, body: Any, code: str, is_configuration: bool
) -> None:
    refusal = refusal_of(kind("It failed.", body))

    assert (code, is_configuration) == (refusal.code, refusal.is_configuration)


@pytest.mark.parametrize("prefix", ["", "//iam.googleapis.com/", "https://iam.googleapis.com/"])
def test_the_provider_of_a_pool_is_known_by_each_of_its_names(prefix: str) -> None:
    keys = KEYS | {"POOL_PROVIDER": prefix + PROVIDER}
    found = Settings.from_env({"MailStorage": "unused"} | settings_of(keys))
    gmail = found.identities["g"].gmail

    assert gmail is not None
    assert gmail.federation is not None
    assert f"//iam.googleapis.com/{PROVIDER}" == gmail.federation.audience
