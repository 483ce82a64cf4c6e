"""Whether a mail that is in doubt is found among what a mailbox of Gmail has sent."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from function_app.compose import Letter
from function_app.doubt import MOST_LOOKS
from function_app.means import Means
from function_app.outcome import CannotLook, Deferred, Found, NotSent, WasSent
from function_app.providers.gmail.delegation import TO_LOOK, TO_SEND
from function_app.providers.gmail.provider import GmailProvider
from handoff.ledger import State
from tests.builders import MAIL
from tests.fixtures.gmail import GmailClient
from tests.function_app.desk import Desk, delivered
from tests.function_app.test_gmail import a_letter, gmail_provider
from tests.function_app.to_smarthost import no_draft

Look = Callable[..., Found | Deferred]
TO = ("ann@contoso.com", "büro@x.org")


@pytest.fixture
def provider(gmail: GmailClient) -> Iterator[GmailProvider]:
    gmail.rule(delegated=[TO_SEND, TO_LOOK])
    with gmail_provider(gmail) as provider:
        yield provider


@pytest.fixture
def look(provider: GmailProvider) -> Look:
    def look(letter: Letter | None = None, ago: timedelta = timedelta(0)) -> Found | Deferred:
        return provider.look(letter or a_letter(to=TO), "", datetime.now(UTC) - ago)

    return look


@pytest.fixture
def sent(provider: GmailProvider) -> None:
    octets = MAIL.replace(b"To: ann@contoso.com", b"To: Ann <ANN@contoso.com>, eve@x.org")
    provider.send(a_letter(octets, to=TO), no_draft)


def error(status: int, reason: str) -> dict[str, Any]:
    return {"error": {"code": status, "message": "So.", "errors": [{"reason": reason}]}}


@pytest.mark.usefixtures("sent")
def test_a_mail_that_was_sent_is_found(look: Look) -> None:
    assert WasSent("gmail") == look()


def test_a_mail_that_was_not_sent_is_not_found(look: Look) -> None:
    assert NotSent() == look()


@pytest.mark.usefixtures("sent")
@pytest.mark.parametrize(
    ("changes", "ago"),
    [
        ({"to": ("ann@contoso.com",)}, timedelta(0)),
        ({"to": (*TO, "carol@y.org")}, timedelta(0)),
        ({"to": TO, "octets": MAIL.replace(b"<one@", b"<two@")}, timedelta(0)),
        ({"to": TO, "mailbox": "erp@contoso.com"}, timedelta(0)),
        ({"to": TO}, timedelta(minutes=-3)),
    ],
    ids=["to fewer", "to more", "another message", "from another", "long before"],
)
def test_another_mail_is_no_copy_of_it(look: Look, changes: dict[str, Any], ago: timedelta) -> None:
    assert NotSent() == look(a_letter(**changes), ago)


@pytest.mark.usefixtures("sent")
def test_a_copy_that_somebody_removes_meanwhile_is_not_found(
    look: Look, gmail: GmailClient
) -> None:
    gmail.fail({"route": "get", "status": 404, "body": error(404, "notFound")})

    assert NotSent() == look()


@pytest.mark.usefixtures("sent")
def test_hundreds_of_recipients_are_read_to_the_end(look: Look, provider: GmailProvider) -> None:
    to = tuple(f"{'r' * 60}-{number}@{'long-' * 10}domain.example" for number in range(900))
    letter = a_letter(MAIL.replace(b"<one@", b"<many@"), to=to)
    provider.send(letter, no_draft)

    assert WasSent("gmail") == look(letter)


def test_without_the_scope_nobody_can_tell(gmail: GmailClient, look: Look) -> None:
    gmail.rule(delegated=[TO_SEND])
    found = look()

    assert isinstance(found, CannotLook)
    assert TO_LOOK in found.reason


def test_a_message_id_that_cannot_be_searched_for_is_not(look: Look) -> None:
    octets = MAIL.replace(b"<one@contoso.com>", b"<a(b)@contoso.com>")

    found = look(a_letter(octets))

    assert isinstance(found, CannotLook)
    assert "cannot be searched" in found.reason


UNTELLING: dict[str, tuple[dict[str, Any], str]] = {
    "busy": ({"status": 429, "body": error(429, "rateLimitExceeded")}, "rateLimitExceeded"),
    "broken": ({"status": 503, "body": "<html>"}, "http-503"),
    "off": ({"status": 403, "body": error(403, "accessNotConfigured")}, "accessNotConfigured"),
    "no JSON": ({"status": 200, "body": "<html>"}, "look-unreadable"),
    "no object": ({"status": 200, "body": {"messages": [1]}}, "look-unreadable"),
    "no fields": (
        {"route": "get", "status": 200, "body": {"payload": []}},
        "look-unreadable",
    ),
    "reset": ({"reset": True}, "no-answer"),
    "no token": ({"route": "token", "status": 400, "body": {"error": "new"}}, "token-new"),
}


@pytest.mark.usefixtures("sent")
@pytest.mark.parametrize(("fault", "code"), UNTELLING.values(), ids=UNTELLING)
def test_it_is_looked_for_again_when_nothing_is_told(
    look: Look, gmail: GmailClient, fault: dict[str, Any], code: str
) -> None:
    gmail.fail({"route": "list"} | fault)
    found = look()

    assert isinstance(found, Deferred)
    assert code == found.code


@pytest.mark.usefixtures("sent")
def test_no_scope_for_one_mail_is_no_sight_of_it(look: Look, gmail: GmailClient) -> None:
    gmail.fail({"route": "get", "status": 403, "body": error(403, "insufficientPermissions")})

    assert isinstance(look(), CannotLook)


@pytest.fixture
def means(gmail: GmailClient, means_of: Callable[..., Means]) -> Means:
    gmail.rule(delegated=[TO_SEND, TO_LOOK])
    return means_of(
        IDENTITY__G__PROVIDER="gmail",
        IDENTITY__G__SERVICE_ACCOUNT=gmail.service_account,
        GMAIL_ENDPOINT=gmail.address,
    )


def test_a_lost_answer_is_no_second_copy(desk: Desk, gmail: GmailClient, means: Means) -> None:
    ticket = desk.a_ticket(identity="g")
    gmail.fail({"route": "send", "take": True, "reset": True})
    states = [delivered(desk, means, ticket).state for _ in range(2)]

    assert [State.DEFERRED, State.SENT] == states
    assert 1 == len(gmail.mails())


def test_a_mail_that_was_lost_is_sent_when_it_is_not_found_at_last(
    desk: Desk, gmail: GmailClient, means: Means
) -> None:
    ticket = desk.a_ticket(identity="g")
    gmail.fail({"route": "send", "status": 503})
    states = [delivered(desk, means, ticket).state for _ in range(1 + MOST_LOOKS)]

    assert [State.DEFERRED] * MOST_LOOKS + [State.SENT] == states
    assert 1 == len(gmail.mails())


def test_a_check_tells_that_it_may_not_look(provider: GmailProvider, gmail: GmailClient) -> None:
    gmail.rule(delegated=[TO_SEND])
    *_, doubt = provider.probe("scan@contoso.com", "01JD3V6Q8K5T0C9E8XW2M7B4FA")

    assert ("G04", "warn") == (doubt.id, doubt.verdict)
    assert TO_LOOK in doubt.text
