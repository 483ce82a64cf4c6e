"""A smarthost that somebody else has written: Postfix."""

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from function_app.outcome import Deferred, Divided, Rejected, Sent
from function_app.providers.smarthost.provider import SmarthostProvider
from function_app.ways.smarthost import Smarthost
from tests.builders import MAIL
from tests.function_app.postfix import IS_HERE, WHY_NOT, Postfix, postfix
from tests.function_app.to_smarthost import a_letter, no_draft

pytestmark = pytest.mark.skipif(not IS_HERE, reason=WHY_NOT)
BOB, CAROL, ELSEWHERE = "bob@fabrikam.com", "carol@fabrikam.com", "dan@elsewhere.example"


@pytest.fixture(scope="module")
def server() -> Iterator[Postfix]:
    with postfix() as server:
        yield server


@pytest.fixture
def provider(server: Postfix) -> SmarthostProvider:
    return SmarthostProvider(Smarthost("127.0.0.1", server.port, ca_file=server.ca_file))


def arrived(server: Postfix, name: str, marker: bytes) -> bytes:
    give_up_at = time.monotonic() + 20
    while time.monotonic() < give_up_at:
        for mail in server.mails(name):
            if marker in mail:
                return mail
        time.sleep(0.05)
    raise AssertionError("the mail did not arrive")


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_a_mail_arrives_octet_for_octet_over_tls(server: Postfix, tls: str) -> None:
    marker = f"marker-{tls}".encode()
    octets = MAIL + marker + b"\r\n.\r\n..dots\r\nGr\xc3\xbc\xc3\x9fe\r\n" + b"x" * 900 + b"\r\n"
    port = server.port if tls == "starttls" else server.tls_port
    smarthost = Smarthost("127.0.0.1", port, tls, ca_file=server.ca_file)  # type: ignore[arg-type]

    outcome = SmarthostProvider(smarthost).send(a_letter(octets, to=(BOB,)), no_draft)

    assert isinstance(outcome, Sent)
    assert "queued as" in outcome.request_id
    mail = arrived(server, "bob", marker).replace(b"\n", b"\r\n")
    assert mail.endswith(octets.partition(b"\r\n\r\n")[2])
    assert b"Return-Path: <scan@contoso.com>" in mail


def test_its_verdicts_are_understood(server: Postfix, provider: SmarthostProvider) -> None:
    outcome = provider.send(a_letter(to=(BOB, CAROL, ELSEWHERE)), no_draft)

    assert isinstance(outcome, Divided)
    unknown, foreign = outcome.outcomes[CAROL], outcome.outcomes[ELSEWHERE]
    assert isinstance(outcome.outcomes[BOB], Sent)
    assert isinstance(unknown, Rejected)
    assert "smtp-550-5.1.1" == unknown.code
    assert isinstance(foreign, Deferred)
    assert "smtp-554-5.7.1" == foreign.code
    assert foreign.is_configuration


def test_a_mail_that_it_does_not_want_to_hold_is_not_offered(provider: SmarthostProvider) -> None:
    outcome = provider.send(a_letter(MAIL + b"x" * 300_000, to=(BOB,)), no_draft)

    assert isinstance(outcome, Rejected)
    assert "too-large" == outcome.code


def test_an_address_in_utf8_arrives(server: Postfix, provider: SmarthostProvider) -> None:
    letter = replace(a_letter(MAIL + b"marker-utf8\r\n"), forward_paths=("büro@fabrikam.com",))

    assert isinstance(provider.send(letter, no_draft), Sent)
    assert arrived(server, "buero", b"marker-utf8")


def test_many_recipients_and_mails_share_a_session(
    server: Postfix, provider: SmarthostProvider
) -> None:
    to = (BOB, *(f"nobody{number}@fabrikam.com" for number in range(15)))
    outcomes = [provider.send(a_letter(to=to), no_draft) for _ in range(2)]

    for outcome in outcomes:
        assert isinstance(outcome, Divided)
        assert isinstance(outcome.outcomes[BOB], Sent)
        assert 15 == sum(isinstance(one, Rejected) for one in outcome.outcomes.values())
