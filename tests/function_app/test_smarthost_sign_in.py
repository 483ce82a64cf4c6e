"""How the smarthost provider comes to trust a server, and the server it."""

import ssl
from pathlib import Path

import pytest
import trustme

from function_app.outcome import Deferred, Sent
from function_app.providers.smarthost.provider import SmarthostProvider
from function_app.providers.token_faults import TokenUnavailable
from function_app.ways.smarthost import Smarthost
from tests.function_app.smtp_script import scripted
from tests.function_app.to_smarthost import PLAIN_OFFER, a_letter, no_draft, provider_for


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def server_tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> str:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_the_mail_goes_over_tls(tls: str, server_tls: ssl.SSLContext, ca_file: str) -> None:
    offers = {"EHLO": ["250-smarthost\r\n250 STARTTLS"]} if tls == "starttls" else {}
    with scripted(offers, server_tls, is_implicit=tls == "implicit") as server:
        smarthost = Smarthost("127.0.0.1", server.port, tls, ca_file=ca_file)  # type: ignore[arg-type]
        outcome = SmarthostProvider(smarthost).send(a_letter(), no_draft)

    assert isinstance(outcome, Sent)
    assert (2 if tls == "starttls" else 1) == sum("EHLO" in line for line in server.lines)


def test_without_starttls_nothing_is_said(ca_file: str) -> None:
    with scripted() as server:
        smarthost = Smarthost("127.0.0.1", server.port, ca_file=ca_file)
        outcome = SmarthostProvider(smarthost).send(a_letter(), no_draft)

    assert isinstance(outcome, Deferred)
    assert ("no-starttls", True) == (outcome.code, outcome.is_configuration)
    assert ["EHLO [127.0.0.1]"] == server.lines


CERTIFICATES = {"of nobody known": ("127.0.0.1", False), "of another name": ("localhost", True)}


@pytest.mark.parametrize(("host", "is_known"), CERTIFICATES.values(), ids=CERTIFICATES)
def test_a_certificate_that_is_not_good_stops_the_mail(
    host: str, is_known: bool, server_tls: ssl.SSLContext, ca_file: str
) -> None:
    with scripted({}, server_tls, is_implicit=True) as server:
        smarthost = Smarthost(host, server.port, "implicit", ca_file=ca_file if is_known else "")
        outcome = SmarthostProvider(smarthost).send(a_letter(), no_draft)

    assert isinstance(outcome, Deferred)
    assert ("tls-certificate", True) == (outcome.code, outcome.is_configuration)
    assert [] == server.taken


def test_what_is_said_in_clear_after_starttls_does_not_count(
    server_tls: ssl.SSLContext, ca_file: str
) -> None:
    script: dict[str, str | list[str]] = {
        "EHLO": ["250-smarthost\r\n250 STARTTLS", "250 smarthost"],
        "STARTTLS": "220 Ready\r\n250-injected\r\n250 AUTH PLAIN",
    }
    with scripted(script, server_tls) as server:
        smarthost = Smarthost("127.0.0.1", server.port, username="u", ca_file=ca_file)
        outcome = SmarthostProvider(smarthost, lambda: "pass").send(a_letter(), no_draft)

    assert isinstance(outcome, Deferred)
    assert outcome.code in ("no-sign-in", "tls", "no-connection")
    assert not any(line.startswith("AUTH") for line in server.lines)


def test_the_password_signs_in() -> None:
    with scripted({"EHLO": PLAIN_OFFER}) as server:
        smarthost = Smarthost("127.0.0.1", server.port, "none", username="relay")
        outcome = SmarthostProvider(smarthost, lambda: "s3cret").send(a_letter(), no_draft)

    assert isinstance(outcome, Sent)
    assert "AUTH PLAIN AHJlbGF5AHMzY3JldA==" in server.lines


def test_login_is_for_servers_that_know_no_plain() -> None:
    script: dict[str, str | list[str]] = {
        "EHLO": "250-smarthost\r\n250 AUTH=LOGIN",
        "AUTH": "334 VXNlcm5hbWU6",
        "cmVsYXk=".upper(): "334 UGFzc3dvcmQ6",
        "czNjcmV0".upper(): "235 Welcome",
    }
    with scripted(script) as server:
        smarthost = Smarthost("127.0.0.1", server.port, "none", username="relay")
        outcome = SmarthostProvider(smarthost, lambda: "s3cret").send(a_letter(), no_draft)

    assert isinstance(outcome, Sent)
    assert ["AUTH LOGIN", "cmVsYXk=", "czNjcmV0"] == server.lines[1:4]


def test_a_wrong_password_waits_for_an_administrator_and_is_not_told() -> None:
    script = {"EHLO": PLAIN_OFFER, "AUTH": "535 5.7.8 Bad credentials"}
    with scripted(script) as server:
        smarthost = Smarthost("127.0.0.1", server.port, "none", username="relay")
        outcome = SmarthostProvider(smarthost, lambda: "s3cret").send(a_letter(), no_draft)

    assert isinstance(outcome, Deferred)
    assert ("smtp-535-5.7.8", True) == (outcome.code, outcome.is_configuration)
    assert "s3cret" not in repr(outcome)


def test_a_token_signs_in_as_the_mailbox() -> None:
    with scripted({"EHLO": "250-smarthost\r\n250 AUTH LOGIN XOAUTH2"}) as server:
        provider = provider_for(server, secret=lambda: "token-1", is_token=True)
        outcome = provider.send(a_letter(), no_draft)

    assert isinstance(outcome, Sent)
    # user=scan@contoso.com ^A auth=Bearer token-1 ^A ^A
    assert (
        "AUTH XOAUTH2 dXNlcj1zY2FuQGNvbnRvc28uY29tAWF1dGg9QmVhcmVyIHRva2VuLTEBAQ==" in server.lines
    )


def test_a_refused_token_is_acknowledged_before_the_refusal_counts() -> None:
    script = {
        "EHLO": "250-smarthost\r\n250 AUTH XOAUTH2",
        "AUTH": "334 eyJzdGF0dXMiOiI0MDAifQ==",
        "": "535 5.7.3 Authentication unsuccessful",
    }
    with scripted(script) as server:
        provider = provider_for(server, secret=lambda: "token-1", is_token=True)
        outcome = provider.send(a_letter(), no_draft)

    assert isinstance(outcome, Deferred)
    assert "smtp-535-5.7.3" == outcome.code


def test_without_a_token_nothing_is_sent() -> None:
    def no_token() -> str:
        raise TokenUnavailable("AADSTS7000222", "It has expired.", is_configuration=True)

    with scripted({"EHLO": "250-smarthost\r\n250 AUTH XOAUTH2"}) as server:
        provider = provider_for(server, secret=no_token, is_token=True)
        outcome = provider.send(a_letter(), no_draft)

    assert Deferred("AADSTS7000222", "It has expired.", is_configuration=True) == outcome
    assert [] == server.taken
