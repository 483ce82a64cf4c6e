"""A smarthost that somebody else has written and that takes tokens: Postfix with Dovecot."""

import time
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from function_app.outcome import Deferred, Outcome, Sent
from function_app.providers.smarthost.provider import SmarthostProvider
from function_app.ways.smarthost import Smarthost
from tests.function_app import dovecot as dovecot_here
from tests.function_app import postfix as postfix_here
from tests.function_app.dovecot import ISSUER, dovecot
from tests.function_app.postfix import Postfix, postfix
from tests.function_app.to_smarthost import a_letter, no_draft

IS_HERE = postfix_here.IS_HERE and dovecot_here.IS_HERE
WHY_NOT = f"{postfix_here.WHY_NOT}; or: {dovecot_here.WHY_NOT}"
pytestmark = pytest.mark.skipif(not IS_HERE, reason=WHY_NOT)
PASSWORD = "correct-horse"
# Nobody but who has signed in may send to bob, and only in the name of his own mailbox.
_ASKS_WHO_IT_IS = """
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = {here}/queue/private/who
smtpd_tls_auth_only = yes
smtpd_sender_login_maps = inline:{{ {{ scan@contoso.com = scan@contoso.com }} }}
smtpd_sender_restrictions = reject_sender_login_mismatch
smtpd_recipient_restrictions = permit_sasl_authenticated, reject
"""


@pytest.fixture(scope="module")
def key() -> RSAKey:
    return RSAKey.generate_key(2048)


@pytest.fixture(scope="module")
def server(key: RSAKey) -> Iterator[Postfix]:
    public = key.as_pem(private=False).decode("ascii")
    with postfix(_ASKS_WHO_IT_IS) as server:
        socket = server.here / "queue" / "private" / "who"
        here = server.here / "dovecot"
        with dovecot(here, socket, public, PASSWORD):
            yield server


def a_token(key: RSAKey, **changes: Any) -> str:
    claims = {
        "iss": ISSUER,
        "sub": "relay",
        "email": "scan@contoso.com",
        "iat": int(time.time()),
        "exp": int(time.time()) + 600,
    }
    return jwt.encode({"alg": "RS256", "typ": "JWT"}, claims | changes, key)


def sent(server: Postfix, secret: str, *, is_token: bool = True, username: str = "") -> Outcome:
    smarthost = Smarthost("127.0.0.1", server.port, username=username, ca_file=server.ca_file)
    provider = SmarthostProvider(smarthost, lambda: secret, is_token=is_token)
    outcome = provider.send(a_letter(to=("bob@fabrikam.com",)), no_draft)
    assert isinstance(outcome, Sent | Deferred), outcome
    return outcome


def test_a_token_signs_in_as_the_mailbox(server: Postfix, key: RSAKey) -> None:
    outcome = sent(server, a_token(key))

    assert isinstance(outcome, Sent)
    assert "queued as" in outcome.request_id


WRONG: dict[str, dict[str, Any]] = {
    "of another": {"email": "erp@contoso.com"},
    "by another": {"iss": "https://elsewhere.example"},
    "at its end": {"exp": int(time.time()) - 60},
}


@pytest.mark.parametrize("claims", WRONG.values(), ids=WRONG)
def test_a_token_that_it_does_not_take_waits_for_an_administrator(
    server: Postfix, key: RSAKey, claims: dict[str, Any]
) -> None:
    token = a_token(key, **claims)
    outcome = sent(server, token)

    assert isinstance(outcome, Deferred)
    assert ("smtp-535-5.7.8", True) == (outcome.code, outcome.is_configuration)
    assert token not in outcome.reason
    assert b64encode(token.encode()).decode() not in outcome.reason


def test_without_a_credential_it_takes_nothing(server: Postfix) -> None:
    smarthost = Smarthost("127.0.0.1", server.port, ca_file=server.ca_file)
    outcome = SmarthostProvider(smarthost).send(a_letter(to=("bob@fabrikam.com",)), no_draft)

    assert isinstance(outcome, Deferred)
    assert outcome.is_configuration


@pytest.mark.parametrize(("password", "kind"), [(PASSWORD, Sent), ("wrong", Deferred)])
def test_a_password_signs_in(server: Postfix, password: str, kind: type[Outcome]) -> None:
    outcome = sent(server, password, is_token=False, username="scan@contoso.com")

    assert kind is type(outcome)


def test_the_provider_of_a_token_says_so_when_asked(server: Postfix, key: RSAKey) -> None:
    smarthost = Smarthost("127.0.0.1", server.port, ca_file=server.ca_file)
    provider = SmarthostProvider(smarthost, lambda: a_token(key), is_token=True)
    found = list(provider.probe("scan@contoso.com", "01JD3V6Q8K5T0C9E8XW2M7B4FA"))

    assert ["ok", "ok"] == [finding.verdict for finding in found]
