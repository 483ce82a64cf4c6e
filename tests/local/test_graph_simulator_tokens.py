"""The simulator is as strict as Graph and Entra: tokens. The client is the real MSAL."""

import json
from base64 import b64decode
from collections.abc import Iterator
from typing import Any

import msal
import pytest
import requests

from local.graph_simulator.client import SimulatorClient
from tests.fixtures.graph import GraphMailbox, error_of

TENANT = "22222222-2222-2222-2222-222222222222"
CLIENT = "33333333-3333-3333-3333-333333333333"
SCOPE = "https://graph.microsoft.com/.default"
RESOURCE = "https://graph.microsoft.com"
REFUSED = (401, "InvalidAuthenticationToken")


@pytest.fixture
def http(graph: SimulatorClient) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False  # else REQUESTS_CA_BUNDLE wins over verify
        session.verify = graph.ca_file
        yield session


def application(
    graph: SimulatorClient, http: requests.Session, **changes: Any
) -> msal.ConfidentialClientApplication:
    settings: dict[str, Any] = {
        "client_id": CLIENT,
        "client_credential": "s3cret",
        "authority": f"{graph.entra}/{TENANT}",
        "instance_discovery": False,
        "http_client": http,
    }
    return msal.ConfidentialClientApplication(**settings | changes)


@pytest.fixture
def identity(
    graph: SimulatorClient, http: requests.Session, monkeypatch: pytest.MonkeyPatch
) -> msal.ManagedIdentityClient:
    monkeypatch.setenv("IDENTITY_ENDPOINT", graph.identity_endpoint)
    monkeypatch.setenv("IDENTITY_HEADER", graph.identity_header)
    who = msal.UserAssignedManagedIdentity(client_id=CLIENT)
    return msal.ManagedIdentityClient(who, http_client=http)


def test_msal_gets_a_managed_identity_token(
    graph: SimulatorClient, mailbox: GraphMailbox, identity: msal.ManagedIdentityClient
) -> None:
    token = identity.acquire_token_for_client(resource=RESOURCE)["access_token"]

    assert 202 == mailbox.send(Authorization=f"Bearer {token}").status_code
    assert [CLIENT] == [mail.app for mail in graph.mails()]


def test_msal_gets_a_token_by_client_secret(
    graph: SimulatorClient, mailbox: GraphMailbox, http: requests.Session
) -> None:
    graph.know(TENANT, CLIENT, "s3cret")
    graph.know(TENANT, "another", "other")
    answer = application(graph, http).acquire_token_for_client([SCOPE])

    assert 202 == mailbox.send(Authorization=f"Bearer {answer['access_token']}").status_code
    assert [CLIENT] == [mail.app for mail in graph.mails()]


def test_an_instance_tells_its_tenants_endpoint(graph: SimulatorClient) -> None:
    authorize = f"{graph.entra}/{TENANT}/oauth2/v2.0/authorize"
    answer = requests.get(
        f"{graph.address}/common/discovery/instance",
        params={"authorization_endpoint": authorize, "api-version": "1.1"},
        timeout=30,
    )

    assert answer.json() == {
        "tenant_discovery_endpoint": (
            f"{graph.entra}/{TENANT}/v2.0/.well-known/openid-configuration"
        )
    }


def test_msal_gets_a_token_by_the_token_of_a_trusted_issuer(
    graph: SimulatorClient, http: requests.Session
) -> None:
    graph.know(TENANT, CLIENT, trusted_tokens=["eyJh.eyJi.c2ln"])

    for assertion, is_taken in (("eyJh.eyJi.c2ln", True), ("eyJh.eyJi.c2lz", False)):
        app = application(graph, http, client_credential={"client_assertion": lambda: assertion})  # noqa: B023
        assert is_taken == ("access_token" in app.acquire_token_for_client([SCOPE]))


@pytest.mark.parametrize(
    ("changes", "number"),
    [({"client_credential": "wrong"}, 7000215), ({"client_id": "unknown"}, 700016)],
)
def test_entra_refuses_an_unknown_client(
    graph: SimulatorClient, http: requests.Session, changes: dict[str, Any], number: int
) -> None:
    graph.know(TENANT, CLIENT, "s3cret")
    answer = application(graph, http, **changes).acquire_token_for_client([SCOPE])

    assert [number] == answer["error_codes"]
    assert f"AADSTS{number}: " in answer["error_description"]
    assert "\r\nTrace ID: " in answer["error_description"]


def test_entra_knows_no_other_tenant(graph: SimulatorClient, http: requests.Session) -> None:
    graph.know(TENANT, CLIENT, "s3cret")
    with pytest.raises(ValueError, match="authority configuration"):
        application(graph, http, authority=f"{graph.entra}/{CLIENT}")
    answer = requests.post(f"{graph.address}/{CLIENT}/oauth2/v2.0/token", data={}, timeout=30)

    assert [90002] == answer.json()["error_codes"]


@pytest.mark.parametrize(
    ("form", "number"),
    [
        ({"client_secret": ""}, 7000215),
        ({"client_secret": None}, 7000218),
        ({"grant_type": "refresh_token"}, 70008),
        ({"grant_type": "authorization_code"}, 70003),
        ({"scope": "https://graph.microsoft.com/Mail.Send"}, 70011),
        ({"grant_type": "password", "username": "ann@contoso.com", "password": "no"}, 50126),
        ({"grant_type": "password", "username": "eve@contoso.com", "password": "no"}, 50034),
    ],
)
def test_entra_refuses_a_wrong_form(
    graph: SimulatorClient, form: dict[str, str | None], number: int
) -> None:
    graph.know(TENANT, CLIENT, "s3cret", users={"ann@contoso.com": "pa55"})
    right = {
        "grant_type": "client_credentials",
        "client_id": CLIENT,
        "client_secret": "s3cret",
        "scope": SCOPE,
    }
    answer = requests.post(
        f"{graph.address}/{TENANT}/oauth2/v2.0/token", data=right | form, timeout=30
    )

    assert [number] == answer.json()["error_codes"]


def test_any_error_of_entra_can_be_asked_for(
    graph: SimulatorClient, http: requests.Session
) -> None:
    graph.know(TENANT, CLIENT, "s3cret")
    graph.fail(
        {"route": "token", "aadsts": 7000222},
        {"route": "token", "aadsts": 90055, "headers": {"Retry-After": "3"}},
        {"route": "token", "aadsts": 50076, "status": 418},
    )
    url, form = f"{graph.entra}/{TENANT}/oauth2/v2.0/token", {"client_id": CLIENT}
    first, second, third = (http.post(url, data=form, timeout=30) for _ in range(3))

    assert (401, "invalid_client") == (first.status_code, first.json()["error"])
    assert (429, "3") == (second.status_code, second.headers["Retry-After"])
    assert (418, [50076]) == (third.status_code, third.json()["error_codes"])


def test_a_user_signs_in_and_is_me(
    graph: SimulatorClient, mailbox: GraphMailbox, http: requests.Session
) -> None:
    graph.know(TENANT, CLIENT, "s3cret", users={mailbox.address: "pa55"})
    form = {"grant_type": "password", "client_id": CLIENT, "client_secret": "s3cret"}
    user = {"username": mailbox.address, "password": "pa55", "scope": SCOPE}
    url = f"{graph.entra}/{TENANT}/oauth2/v2.0/token"
    bearer = f"Bearer {http.post(url, data=form | user, timeout=30).json()['access_token']}"
    own = mailbox.session.get(
        f"{graph.address}/v1.0/me/mailFolders/drafts",
        headers={"Authorization": bearer},
        timeout=30,
    )

    assert 200 == own.status_code
    assert 202 == mailbox.send(Authorization=bearer).status_code
    assert (403, "ErrorAccessDenied") == error_of(
        mailbox.send(user="fax@contoso.com", Authorization=bearer)
    )


@pytest.mark.parametrize(
    ("header", "query", "status"),
    [
        ("guess", {"resource": RESOURCE, "api-version": "2019-08-01"}, 401),
        ("simulator", {"api-version": "2019-08-01"}, 400),
        ("simulator", {"resource": RESOURCE}, 400),
        ("simulator", {"resource": RESOURCE, "api-version": "2019-08-01"}, 200),
    ],
)
def test_the_identity_endpoint_wants_header_resource_and_version(
    graph: SimulatorClient, header: str, query: dict[str, str], status: int
) -> None:
    answer = requests.get(
        graph.identity_endpoint,
        params=query,
        headers={"X-IDENTITY-HEADER": header},
        timeout=30,
    )

    assert status == answer.status_code
    if status == 200:
        assert isinstance(answer.json()["expires_on"], str)


@pytest.mark.parametrize(
    ("authorization", "message"),
    [
        ("", "empty"),
        ("Basic eA==", "empty"),
        ("Bearer nonsense", "IDX14100"),
        ("Bearer a.b.c", "validation failure"),
    ],
)
def test_a_token_is_needed(mailbox: GraphMailbox, authorization: str, message: str) -> None:
    answer = mailbox.send(Authorization=authorization, client_request_id="c-1")

    assert REFUSED == error_of(answer)
    assert message in answer.json()["error"]["message"]
    assert "c-1" == answer.json()["error"]["innerError"]["client-request-id"]
    assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="", authorization_uri=')


def test_a_token_for_something_else_is_refused(mailbox: GraphMailbox) -> None:
    token = mailbox.token(resource="https://storage.azure.com")

    assert "Invalid audience" in mailbox.send(Authorization=f"Bearer {token}").text


def test_an_expired_token_is_refused(graph: SimulatorClient, mailbox: GraphMailbox) -> None:
    graph.rule(token_seconds=-1)
    answer = mailbox.send(Authorization=f"Bearer {mailbox.token()}")

    assert REFUSED == error_of(answer)
    assert "Lifetime validation failed, the token is expired." == answer.json()["error"]["message"]


def test_a_claims_challenge_holds_until_there_is_a_new_token(
    graph: SimulatorClient, mailbox: GraphMailbox, identity: msal.ManagedIdentityClient
) -> None:
    old = identity.acquire_token_for_client(resource=RESOURCE)["access_token"]
    graph.fail({"route": "sendMail", "claims": True})
    first, second = (mailbox.send(Authorization=f"Bearer {old}") for _ in range(2))
    challenge = first.headers["WWW-Authenticate"]
    claims = b64decode(challenge.split('claims="')[1].split('"')[0]).decode()
    cached = identity.acquire_token_for_client(resource=RESOURCE)["access_token"]
    new = identity.acquire_token_for_client(resource=RESOURCE, claims_challenge=claims)

    assert [REFUSED, REFUSED] == [error_of(first), error_of(second)]
    assert 'error="insufficient_claims"' in challenge
    assert json.loads(claims)["access_token"]["nbf"]["essential"] is True
    assert old == cached
    assert 202 == mailbox.send(Authorization=f"Bearer {new['access_token']}").status_code
    assert 202 == mailbox.send().status_code  # of another application


def test_permissions_are_asked_for(graph: SimulatorClient, mailbox: GraphMailbox) -> None:
    graph.rule(permissions=["Mail.Send"], permissions_of={CLIENT: ["Mail.ReadBasic"]})
    other: dict[str, Any] = {"Authorization": f"Bearer {mailbox.token(client_id=CLIENT)}"}
    looking = mailbox.session.get(f"{mailbox.user}/mailFolders/drafts", headers=other, timeout=30)

    assert 202 == mailbox.send().status_code
    assert (403, "ErrorAccessDenied") == error_of(mailbox.get("mailFolders/drafts"))
    assert (403, "ErrorAccessDenied") == error_of(mailbox.send(**other))
    assert 200 == looking.status_code
