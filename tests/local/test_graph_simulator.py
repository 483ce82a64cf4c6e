"""The simulator is as strict as Graph: sendMail, tokens, limits, faults."""

import base64
import threading
from collections.abc import Callable
from typing import Any

import msal
import pytest
import requests

from local.graph_simulator.client import SimulatorClient
from local.graph_simulator.mime import read_header, without_bcc
from tests.builders import MAIL

SENDER = "scan@contoso.com"
TENANT = "22222222-2222-2222-2222-222222222222"
CLIENT = "33333333-3333-3333-3333-333333333333"
Post = Callable[..., requests.Response]


@pytest.fixture
def token(graph: SimulatorClient) -> str:
    answer = requests.get(
        graph.identity_endpoint,
        params={"resource": "https://graph.microsoft.com", "api-version": "2019-08-01"},
        headers={"X-IDENTITY-HEADER": graph.identity_header},
        timeout=10,
    )
    return str(answer.json()["access_token"])


@pytest.fixture
def post(graph: SimulatorClient, token: str) -> Post:
    def post(
        mime: bytes = MAIL, user: str = SENDER, body: bytes | None = None, **headers: str
    ) -> requests.Response:
        wanted = {"Authorization": f"Bearer {token}", "Content-Type": "text/plain"}
        return requests.post(
            f"{graph.address}/v1.0/users/{user}/sendMail",
            data=base64.b64encode(mime) if body is None else body,
            headers=wanted | {name.replace("_", "-"): value for name, value in headers.items()},
            timeout=30,
        )

    return post


def code_of(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def test_a_mail_is_taken_as_it_was_sent(graph: SimulatorClient, post: Post) -> None:
    answer = post(client_request_id="c-1")
    (mail,) = graph.mails()

    assert (answer.status_code, answer.content) == (202, b"")
    assert answer.headers["client-request-id"] == "c-1"
    assert mail.mime == mail.delivered == MAIL
    assert mail.recipients == ("ann@contoso.com",)
    assert (mail.mailbox, mail.message_id) == (SENDER, "<one@contoso.com>")
    assert mail.request_id == answer.headers["request-id"]


def test_the_header_decides_who_gets_it_and_bcc_is_in_no_copy() -> None:
    mime = (
        b"From: scan@contoso.com\r\nTo: Ann <ann@contoso.com>, ANN@contoso.com\r\n"
        b"Cc: bob@contoso.com\r\nBcc: eve@x.org,\r\n zed@x.org\r\nSubject: x\r\n\r\nBcc: body\r\n"
    )

    assert read_header(mime).recipients == [
        "ANN@contoso.com",
        "bob@contoso.com",
        "eve@x.org",
        "zed@x.org",
    ]
    assert without_bcc(mime) == mime.replace(b"Bcc: eve@x.org,\r\n zed@x.org\r\n", b"")


@pytest.mark.parametrize(
    ("mime", "expected"),
    [
        (b"", (400, "ErrorMimeContentInvalidBase64String")),
        (b"To: ann@contoso.com\n\nbare\n", (400, "ErrorMimeContentInvalidBase64String")),
        (b"To: undisclosed-recipients:;\r\n\r\nx", (400, "ErrorInvalidRecipients")),
        (b"From: eve@contoso.com\r\nTo: a@b.org\r\n\r\nx", (403, "ErrorSendAsDenied")),
        (b'From: "a@b" <scan@contoso.com>\r\nTo: a@b.org\r\n\r\nx', (403, "ErrorSendAsDenied")),
    ],
)
def test_what_graph_refuses(
    graph: SimulatorClient, post: Post, mime: bytes, expected: tuple[int, str]
) -> None:
    assert expected == code_of(post(mime))
    assert graph.mails() == []


def test_base64_is_asked_for_and_text_plain(post: Post) -> None:
    assert code_of(post(body=b"!!!")) == (400, "ErrorMimeContentInvalidBase64String")
    assert code_of(post(Content_Type="message/rfc822")) == (415, "UnsupportedMediaType")


@pytest.mark.parametrize("user", ["eve@elsewhere.org", "alias@contoso.com", "gone@contoso.com"])
def test_only_mailboxes_can_send(graph: SimulatorClient, post: Post, user: str) -> None:
    graph.rule(aliases=["alias@contoso.com"], missing=["gone@contoso.com"])

    assert code_of(post(user=user)) == (404, "ErrorInvalidUser")


@pytest.mark.parametrize(("over_limit", "status"), [("413", 413), ("400", 400), ("200", 200)])
def test_a_body_above_four_mib_is_never_sent(
    graph: SimulatorClient, post: Post, over_limit: str, status: int
) -> None:
    graph.rule(over_limit=over_limit)

    assert post(MAIL + b"x" * 3_200_000).status_code == status
    assert graph.mails() == []


def test_bare_line_feeds_can_be_mangled(graph: SimulatorClient, post: Post) -> None:
    graph.rule(bare_lf="mangle")
    post(b"From: scan@contoso.com\r\nTo: a@b.org\r\n\r\nsoft=\nbreak")

    assert graph.mails()[0].delivered.endswith(b"soft=break")


def test_a_token_is_needed_and_must_be_good(graph: SimulatorClient, post: Post) -> None:
    for authorization in ("", "Bearer nonsense", "Bearer a.b.c"):
        answer = post(Authorization=authorization)

        assert code_of(answer) == (401, "InvalidAuthenticationToken")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer realm=")


def test_an_expired_token_is_refused(graph: SimulatorClient, token: str) -> None:
    graph.rule(token_seconds=-1)
    answer = requests.get(
        graph.identity_endpoint,
        params={"resource": "https://graph.microsoft.com"},
        headers={"X-IDENTITY-HEADER": graph.identity_header},
        timeout=10,
    )
    expired = answer.json()["access_token"]
    refused = requests.post(
        f"{graph.address}/v1.0/users/{SENDER}/sendMail",
        headers={"Authorization": f"Bearer {expired}"},
        timeout=10,
    )

    assert refused.json()["error"]["message"] == "Lifetime validation failed, the token is expired."


def test_the_fifth_request_at_once_is_throttled(graph: SimulatorClient, post: Post) -> None:
    graph.rule(delay=0.5)
    answers: list[requests.Response] = []
    threads = [threading.Thread(target=lambda: answers.append(post())) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(answer.status_code for answer in answers) == [202] * 4 + [429] * 2
    throttled = next(answer for answer in answers if answer.status_code == 429)
    assert throttled.headers["Retry-After"] == "1"
    assert graph.state()["most_in_flight"] == {SENDER: 4}


def test_faults_come_in_order_and_end(graph: SimulatorClient, post: Post) -> None:
    graph.fail(
        {"route": "sendMail", "status": 503, "headers": {"Retry-After": "7"}, "body": "<html>"},
        {"route": "sendMail", "status": 504, "take": True},
        {"route": "sendMail", "mailbox": "other@contoso.com", "status": 500},
    )
    first, second, third = post(), post(), post()

    assert (first.status_code, first.text, first.headers["Retry-After"]) == (503, "<html>", "7")
    assert (second.status_code, third.status_code) == (504, 202)
    assert len(graph.mails()) == 2


def test_a_connection_can_be_reset_after_the_mail_was_taken(
    graph: SimulatorClient, post: Post
) -> None:
    graph.fail({"route": "sendMail", "reset": True, "take": True})
    with pytest.raises(requests.ConnectionError):
        post()

    assert len(graph.mails()) == 1


def test_a_hanging_call_can_be_left(graph: SimulatorClient, token: str) -> None:
    graph.fail({"route": "sendMail", "hang": True})
    with pytest.raises(requests.Timeout):
        requests.post(
            f"{graph.address}/v1.0/users/{SENDER}/sendMail",
            headers={"Authorization": f"Bearer {token}"},
            timeout=0.3,
        )


def test_unknown_rules_and_faults_are_refused(graph: SimulatorClient) -> None:
    with pytest.raises(ValueError, match="unknown: colour"):
        graph.rule(colour="red")
    with pytest.raises(ValueError, match="colour"):
        graph.fail({"colour": "red"})


def test_msal_gets_a_managed_identity_token(
    graph: SimulatorClient, monkeypatch: pytest.MonkeyPatch, post: Post
) -> None:
    monkeypatch.setenv("IDENTITY_ENDPOINT", graph.identity_endpoint)
    monkeypatch.setenv("IDENTITY_HEADER", graph.identity_header)
    with requests.Session() as session:
        client = msal.ManagedIdentityClient(
            msal.UserAssignedManagedIdentity(client_id=CLIENT), http_client=session
        )
        answer = client.acquire_token_for_client(resource="https://graph.microsoft.com")

    assert post(Authorization=f"Bearer {answer['access_token']}").status_code == 202
    assert graph.mails()[0].app == CLIENT


def entra_answer(graph: SimulatorClient, tenant: str, client: str, secret: str) -> dict[str, Any]:
    with requests.Session() as session:
        session.trust_env = False  # else REQUESTS_CA_BUNDLE wins over verify
        session.verify = graph.ca_file
        application = msal.ConfidentialClientApplication(
            client,
            client_credential=secret,
            authority=f"{graph.entra}/{tenant}",
            instance_discovery=False,
            http_client=session,
        )
        answer: dict[str, Any] = application.acquire_token_for_client(
            ["https://graph.microsoft.com/.default"]
        )
    return answer


def test_msal_gets_a_token_by_client_secret(graph: SimulatorClient, post: Post) -> None:
    graph.know(TENANT, CLIENT, "s3cret")
    answer = entra_answer(graph, TENANT, CLIENT, "s3cret")

    assert post(Authorization=f"Bearer {answer['access_token']}").status_code == 202


@pytest.mark.parametrize(
    ("tenant", "client", "secret", "number"),
    [
        (TENANT, CLIENT, "wrong", 7000215),
        (TENANT, SENDER, "s3cret", 700016),
        (CLIENT, CLIENT, "s3cret", 90002),
    ],
)
def test_entra_refuses_as_entra_does(
    graph: SimulatorClient, tenant: str, client: str, secret: str, number: int
) -> None:
    graph.know(TENANT, CLIENT, "s3cret")
    answer = entra_answer(graph, tenant, client, secret)

    assert answer["error_codes"] == [number]
    assert f"AADSTS{number}" in answer["error_description"]


def test_a_wrong_identity_header_is_refused(graph: SimulatorClient) -> None:
    answer = requests.get(
        graph.identity_endpoint,
        params={"resource": "https://graph.microsoft.com"},
        headers={"X-IDENTITY-HEADER": "guess"},
        timeout=10,
    )

    assert answer.status_code == 401


def test_sent_mail_is_found_by_its_message_id(
    graph: SimulatorClient, post: Post, token: str
) -> None:
    post()
    query = {"$filter": "internetMessageId eq '<one@contoso.com>'", "$top": "1"}
    folder = f"{graph.address}/v1.0/users/{SENDER}/mailFolders"
    headers = {"Authorization": f"Bearer {token}"}
    found = requests.get(f"{folder}/sentitems/messages", params=query, headers=headers, timeout=10)
    drafts = requests.get(f"{folder}/drafts/messages", params=query, headers=headers, timeout=10)

    assert len(found.json()["value"]) == 1
    assert drafts.json()["value"] == []
