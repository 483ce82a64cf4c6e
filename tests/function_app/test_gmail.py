"""What the Gmail provider sends, and what it makes of each answer; real google-auth."""

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from function_app.compose import Form, Letter, compose
from function_app.means import Means
from function_app.outcome import Deferred, Outcome, Rejected, Sent
from function_app.providers.gmail.answers import classify, id_in, read_error
from function_app.providers.gmail.calls import Calls
from function_app.providers.gmail.delegation import Delegation
from function_app.providers.gmail.key import by_key
from function_app.providers.gmail.provider import LIMIT, GmailProvider
from function_app.providers.http import session
from function_app.settings import Settings, SettingsError
from function_app.ways.gmail import Gmail
from handoff.ledger import State
from tests.builders import MAIL, NOW, a_ticket
from tests.fixtures.gmail import GmailClient
from tests.function_app.desk import Desk, delivered
from tests.function_app.to_smarthost import no_draft

Send = Callable[..., Outcome]


def a_letter(octets: bytes = MAIL, **changes: Any) -> Letter:
    return compose(a_ticket(octets, **changes), octets, NOW, Form())


@contextmanager
def gmail_provider(gmail: GmailClient) -> Iterator[GmailProvider]:
    with session(1, 5) as to_gmail, session(1, 5) as to_tokens:
        delegation = Delegation(by_key(json.loads(gmail.service_account)), to_tokens)
        yield GmailProvider(Calls(gmail.address, delegation, to_gmail, lambda: NOW))


@pytest.fixture
def provider(gmail: GmailClient) -> Iterator[GmailProvider]:
    with gmail_provider(gmail) as provider:
        yield provider


@pytest.fixture
def send(provider: GmailProvider) -> Send:
    def send(letter: Letter | None = None) -> Outcome:
        return provider.send(letter or a_letter(), no_draft)

    return send


def error(status: int, reason: str, **more: Any) -> dict[str, Any]:
    one = {"domain": "usageLimits", "reason": reason, "message": "So it is."}
    body = {"error": {"code": status, "message": "So it is.", "errors": [one]}}
    return {"route": "send", "status": status, "body": body} | more


def test_the_mail_goes_as_it_is_to_exactly_the_envelope(send: Send, gmail: GmailClient) -> None:
    octets = MAIL.replace(b"To: ann", b"Cc: eve@x.org\r\nTo: ann")
    outcome = send(a_letter(octets, to=("ann@contoso.com", "bob@x.org")))

    (mail,) = gmail.mails()
    assert Sent("gmail", mail["id"]) == outcome
    assert ["ann@contoso.com", "bob@x.org"] == mail["recipients"]
    assert "scan@contoso.com" == mail["mailbox"] == mail["from"]
    assert "<one@contoso.com>" == mail["message_id"]
    assert mail["mime"].encode("latin-1").endswith(b"\r\n\r\nHello.\r\n")


def test_quoted_printable_stays_as_it_is(send: Send, gmail: GmailClient) -> None:
    octets = MAIL.replace(
        b"\r\n\r\nHello.",
        b"\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
        b"Content-Transfer-Encoding: quoted-printable\r\n\r\nGr=C3=BC=C3=9Fe",
    )
    send(a_letter(octets))

    assert "Gr=C3=BC=C3=9Fe" in gmail.mails()[0]["mime"]


def test_a_mailbox_keeps_its_token_and_the_connection(send: Send, gmail: GmailClient) -> None:
    outcomes = [send() for _ in range(3)]

    state = gmail.state()
    assert [Sent] * 3 == [type(outcome) for outcome in outcomes]
    assert (1, 1) == (state["tokens_given"], state["connections"])


def test_each_mailbox_has_a_token_of_its_own(send: Send, gmail: GmailClient) -> None:
    for mailbox in ("scan@contoso.com", "erp@contoso.com"):
        assert isinstance(send(a_letter(mailbox=mailbox)), Sent)

    assert ["scan@contoso.com", "erp@contoso.com"] == [mail["mailbox"] for mail in gmail.mails()]


def test_a_refused_token_is_renewed_once(send: Send, gmail: GmailClient) -> None:
    gmail.fail(error(401, "authError"))
    assert isinstance(send(), Sent)

    gmail.fail(error(401, "authError", times=2))
    outcome = send()

    assert 3 == gmail.state()["tokens_given"]
    assert isinstance(outcome, Deferred)
    assert ("authError", True) == (outcome.code, outcome.is_configuration)


MEANINGS = {
    "rate of the user": (error(403, "userRateLimitExceeded"), Deferred, "throttled"),
    "rate of the project": (error(403, "rateLimitExceeded"), Deferred, "throttled"),
    "429": (error(429, "rateLimitExceeded"), Deferred, "throttled"),
    "of the day": (error(403, "dailyLimitExceeded"), Deferred, "throttled"),
    "policy": (error(403, "domainPolicy"), Deferred, "configuration"),
    "permission": (error(403, "insufficientPermissions"), Deferred, "configuration"),
    "unknown 403": (error(403, "somethingNew"), Deferred, "configuration"),
    "no gmail": (error(400, "failedPrecondition"), Deferred, "configuration"),
    "unknown 400": (error(400, "somethingNew"), Deferred, ""),
    "address": (error(400, "invalidArgument"), Rejected, ""),
    "too large": (error(413, "uploadTooLarge"), Rejected, ""),
    "500": (error(500, "backendError"), Deferred, "unsure"),
    "gateway": ({"status": 502, "body": "<html>oh</html>", "route": "send"}, Deferred, "unsure"),
    "reset": ({"reset": True, "take": True, "route": "send"}, Deferred, "unsure"),
    "redirect": ({"status": 302, "route": "send"}, Deferred, ""),
}


@pytest.mark.parametrize(("fault", "kind", "how"), MEANINGS.values(), ids=MEANINGS)
def test_each_answer_has_its_meaning(
    send: Send, gmail: GmailClient, fault: dict[str, Any], kind: type, how: str
) -> None:
    gmail.fail(fault)

    outcome = send()

    assert kind is type(outcome)
    if isinstance(outcome, Deferred):
        ways = {
            "throttled": outcome.is_throttled,
            "configuration": outcome.is_configuration,
            "unsure": outcome.unsure,
        }
        assert [how] * bool(how) == [name for name, is_so in ways.items() if is_so]


def test_gmail_is_obeyed_when_it_wants_to_be_left_alone(send: Send, gmail: GmailClient) -> None:
    gmail.fail(error(429, "rateLimitExceeded", headers={"Retry-After": "90"}))
    outcome = send()

    assert isinstance(outcome, Deferred)
    assert timedelta(seconds=90) == outcome.after


REFUSED_TOKENS = {
    "no delegation": ({"delegated": []}, "token-unauthorized_client"),
    "no such user": ({"missing": ["scan@contoso.com"]}, "token-invalid_grant"),
}


@pytest.mark.parametrize(("rules", "code"), REFUSED_TOKENS.values(), ids=REFUSED_TOKENS)
def test_a_refused_token_names_the_fix(
    send: Send, gmail: GmailClient, rules: dict[str, Any], code: str
) -> None:
    gmail.rule(**rules)
    outcome = send()

    assert isinstance(outcome, Deferred)
    assert (code, True) == (outcome.code, outcome.is_configuration)
    assert "PRIVATE KEY" not in outcome.reason


TOKEN_FAULTS = {
    "html": {"status": 503, "body": "<html>"},
    "no token": {"status": 200, "body": {"hello": 1}},
    "a page": {"status": 200, "body": "<html>"},
    "of its own": {"status": 500, "body": {"error": "internal_failure"}},
}


@pytest.mark.parametrize("fault", TOKEN_FAULTS.values(), ids=TOKEN_FAULTS)
def test_a_token_endpoint_out_of_order_is_waited_for(
    send: Send, gmail: GmailClient, fault: dict[str, Any]
) -> None:
    gmail.fail({"route": "token", "times": 10} | fault)
    outcome = send()

    assert isinstance(outcome, Deferred)
    assert outcome.code.startswith("token-")
    assert not outcome.is_configuration
    assert not outcome.unsure


def test_a_key_that_is_none_waits_for_an_administrator_and_is_not_told() -> None:
    key = {"client_email": "x", "token_uri": "http://127.0.0.1/", "private_key": "s3cret"}
    with requests.Session() as http:
        calls = Calls("http://127.0.0.1", Delegation(by_key(key), http), http, _now)
        provider = GmailProvider(calls)
        outcome = provider.send(a_letter(), no_draft)

    assert isinstance(outcome, Deferred)
    assert ("token-key", True) == (outcome.code, outcome.is_configuration)
    assert "s3cret" not in repr(outcome) + repr(Gmail(key))


def test_nobody_listening_is_surely_not_sent(provider: GmailProvider) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
    away = GmailProvider(replace(provider.calls, endpoint=f"http://127.0.0.1:{port}"))
    outcome = away.send(a_letter(), no_draft)

    assert isinstance(outcome, Deferred)
    assert ("no-connection", False) == (outcome.code, outcome.unsure)


def test_a_mail_above_the_limit_is_not_offered(send: Send, gmail: GmailClient) -> None:
    outcome = send(a_letter(MAIL + b"x" * LIMIT))

    assert isinstance(outcome, Rejected)
    assert ("too-large", 0) == (outcome.code, gmail.state()["tokens_given"])


def test_a_mail_of_many_megabytes_goes(send: Send, gmail: GmailClient) -> None:
    octets = MAIL + (b"x" * 998 + b"\r\n") * 8000
    assert isinstance(send(a_letter(octets)), Sent)

    assert gmail.mails()[0]["mime"].encode("latin-1").endswith(octets[-1_000_000:])


@given(st.integers(100, 599), st.binary(max_size=200))
def test_any_answer_has_a_verdict(status: int, body: bytes) -> None:
    assert isinstance(classify(status, body, None), Deferred | Rejected)
    assert isinstance(id_in(body), str)
    assert 2 == len(read_error(body))


def test_an_identity_of_gmail_sends_what_its_devices_send(
    desk: Desk, gmail: GmailClient, means_of: Callable[..., Means]
) -> None:
    means = means_of(
        IDENTITY__G__PROVIDER="gmail",
        IDENTITY__G__SERVICE_ACCOUNT=gmail.service_account,
        GMAIL_ENDPOINT=gmail.address,
    )
    row = delivered(desk, means, desk.a_ticket(identity="g"))

    assert (State.SENT, "gmail", gmail.mails()[0]["id"]) == (
        row.state,
        row.provider,
        row.request_id,
    )


KEYS = {
    "none": ("", "SERVICE_ACCOUNT: set it to the JSON"),
    "no json": ("-----BEGIN PRIVATE KEY-----s3cret", "SERVICE_ACCOUNT: set it to the JSON"),
    "half": ('{"client_email": "s3cret"}', "client_email, private_key, token_uri are needed"),
    "in clear": (
        '{"client_email":"a","private_key":"s3cret","token_uri":"http://example.com/token"}',
        "must begin with https://",
    ),
}


@pytest.mark.parametrize(("key", "fault"), KEYS.values(), ids=KEYS)
def test_a_key_that_makes_no_sense_is_told_without_being_shown(key: str, fault: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_env(
            {
                "MailStorage": "UseDevelopmentStorage=true",
                "IDENTITY__G__PROVIDER": "gmail",
                "IDENTITY__G__SERVICE_ACCOUNT": key,
            }
        )

    assert fault in caught.value.faults[0]
    assert "s3cret" not in str(caught.value)


def _now() -> datetime:
    return datetime.now(UTC)
