"""Mails of clients that brought their own credential, sealed by an edge."""

import time
from collections.abc import Callable

import pytest

from function_app.means import Means
from handoff.ledger import State
from handoff.sealed import (
    ApplicationCredential,
    Credential,
    SealingKey,
    UserCredential,
    new_key_pair,
)
from handoff.ticket import SendAs, Ticket
from local.graph_simulator.client import SimulatorClient
from tests.function_app.desk import APPLICATION, SECRET, TENANT, Desk, delivered, events

PRIVATE, PUBLIC = new_key_pair()
OTHER_PRIVATE, OTHER_PUBLIC = new_key_pair()
OTHER_TENANT = "99999999-0000-0000-0000-000000000000"
ANN, PASSWORD = "ann@contoso.com", "C0rrect horse"
OWN = ApplicationCredential(TENANT, APPLICATION, SECRET)
USER = UserCredential(TENANT, APPLICATION, SECRET, ANN, PASSWORD)
MeansOf = Callable[..., Means]


@pytest.fixture
def means(graph: SimulatorClient, means_of: MeansOf) -> Means:
    means = means_of(ENTRA_AUTHORITY=graph.entra, RELAY_SEALING_KEY=PRIVATE)
    graph.know(TENANT, APPLICATION, SECRET, users={ANN: PASSWORD})
    return means


def sealed(
    desk: Desk, credential: Credential, key: str = PUBLIC, mailbox: str = "scan@contoso.com"
) -> Ticket:
    seal = SealingKey.read(key).seal(credential)
    return desk.a_ticket(send_as=SendAs(mailbox=mailbox, sealed=seal))


def test_the_mail_of_an_application_goes_with_its_own_token(
    desk: Desk, graph: SimulatorClient, means: Means
) -> None:
    row = delivered(desk, means, sealed(desk, OWN))

    assert (State.SENT, "") == (row.state, row.reason)
    assert [APPLICATION] == [mail.app for mail in graph.mails()]
    assert [] == graph.requests("/msi/token")


def test_the_mail_of_a_user_goes_from_the_users_mailbox(
    desk: Desk, graph: SimulatorClient, means: Means
) -> None:
    row = delivered(desk, means, sealed(desk, USER, mailbox=ANN))

    assert (State.SENT, "") == (row.state, row.reason)
    assert [(APPLICATION, ANN)] == [(mail.app, mail.mailbox) for mail in graph.mails()]


def test_a_user_may_send_from_no_other_mailbox(
    desk: Desk, graph: SimulatorClient, means: Means
) -> None:
    row = delivered(desk, means, sealed(desk, USER, mailbox="boss@contoso.com"))

    assert (State.DEFERRED, "ErrorAccessDenied") == (row.state, row.code)
    assert [] == graph.mails()


def test_each_credential_gets_one_token_however_often_it_is_sealed(
    desk: Desk, graph: SimulatorClient, means: Means
) -> None:
    graph.know(OTHER_TENANT, "another", "another secret")
    for _ in range(3):
        delivered(desk, means, sealed(desk, OWN))
        delivered(
            desk,
            means,
            sealed(desk, ApplicationCredential(OTHER_TENANT, "another", "another secret")),
        )
        delivered(desk, means, sealed(desk, USER, mailbox=ANN))

    assert 3 == len(graph.requests("/oauth2/v2.0/token"))
    assert 3 * ["another"] == [mail.app for mail in graph.mails() if mail.app == "another"]


def test_both_keys_open_during_a_rotation(
    desk: Desk, graph: SimulatorClient, means_of: MeansOf
) -> None:
    means = means_of(
        ENTRA_AUTHORITY=graph.entra,
        RELAY_SEALING_KEY=OTHER_PRIVATE,
        RELAY_SEALING_KEY_PREVIOUS=PRIVATE,
    )
    rows = [delivered(desk, means, sealed(desk, OWN, key)) for key in (PUBLIC, OTHER_PUBLIC)]

    assert [State.SENT, State.SENT] == [row.state for row in rows]


def test_a_mail_waits_for_the_key_that_opens_it(
    desk: Desk, graph: SimulatorClient, means: Means
) -> None:
    row = delivered(desk, means, sealed(desk, OWN, OTHER_PUBLIC))

    assert (State.DEFERRED, "unknown-sealing-key") == (row.state, row.code)
    assert "RELAY_SEALING_KEY" in row.reason
    assert [] == graph.mails()


def test_no_mail_of_a_guest_ever_goes_by_the_relays_own_right(
    desk: Desk, graph: SimulatorClient, means_of: MeansOf
) -> None:
    row = delivered(desk, means_of(), sealed(desk, OWN))

    assert (State.DEFERRED, "unknown-sealing-key") == (row.state, row.code)
    assert [] == graph.requests("/sendMail")


def test_a_damaged_seal_is_the_end_of_the_mail(
    desk: Desk, graph: SimulatorClient, means: Means
) -> None:
    ticket = sealed(desk, OWN)
    seal = str(ticket.send_as.sealed)
    place = seal.index(".") + 9  # within the key, every bit of which counts
    broken = seal[:place] + ("A" if seal[place] != "A" else "B") + seal[place + 1 :]
    send_as = ticket.send_as.model_copy(update={"sealed": broken})

    row = delivered(desk, means, ticket.model_copy(update={"send_as": send_as}))

    assert (State.DEAD, "bad-seal") == (row.state, row.code)


def test_a_password_that_was_changed_is_tried_once_in_ten_minutes(
    desk: Desk,
    graph: SimulatorClient,
    means: Means,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    graph.know(TENANT, APPLICATION, SECRET, users={ANN: "a newer one"})
    rows = [delivered(desk, means, sealed(desk, USER, mailbox=ANN)) for _ in range(3)]

    assert [(State.DEFERRED, "AADSTS50126")] * 3 == [(row.state, row.code) for row in rows]
    assert 1 == len(graph.requests("/oauth2/v2.0/token"))
    assert not any(secret in caplog.text + str(rows) for secret in (PASSWORD, SECRET))

    graph.know(TENANT, APPLICATION, SECRET, users={ANN: PASSWORD})
    now = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: now() + 601)

    assert delivered(desk, means, sealed(desk, USER, mailbox=ANN)).state is State.SENT


def test_the_alarm_of_a_guest_is_of_that_mailbox_alone(
    desk: Desk, graph: SimulatorClient, means: Means, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = ApplicationCredential(TENANT, APPLICATION, "wrong")
    delivered(desk, means, sealed(desk, wrong))
    delivered(desk, means, sealed(desk, wrong, mailbox="other@contoso.com"))
    alarms = {line["alarm"] for line in events(caplog) if line["event"] == "alarm"}

    assert 2 == len(alarms)
