"""The count: each way to break a promise is seen."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from torture.account import Heard
from torture.mails import mark_of, number_of, numbered_mail
from torture.reconcile import Arrival, Stock, findings

MAILS = {number: numbered_mail(1, number) for number in (1, 2, 3, 4)}
HEARD = [Heard(1, 250, "id-1"), Heard(2, 250, "id-2"), Heard(3, 452), Heard(4, 0)]
ARRIVALS = [
    Arrival(number, frozenset(MAILS[number].recipients), MAILS[number].mark) for number in (1, 2)
]
QUIET = Stock({"id-1": "sent", "id-2": "sent"}, {}, {"the queue": 0}, 0)


def kinds(
    arrivals: list[Arrival] = ARRIVALS, stock: Stock = QUIET, heard: list[Heard] = HEARD
) -> set[str]:
    return {found.partition(":")[0] for found in findings(heard, arrivals, MAILS, stock)}


def test_a_run_that_lost_nothing_has_no_finding() -> None:
    assert kinds() == set()


def test_a_mail_without_a_reply_may_have_arrived_once() -> None:
    fourth = Arrival(4, frozenset(MAILS[4].recipients), MAILS[4].mark)
    stock = replace(QUIET, states={**QUIET.states, "id-4": "sent"})

    assert kinds([*ARRIVALS, fourth], stock) == set()
    assert "twice" in kinds([*ARRIVALS, fourth, fourth], stock)


@pytest.mark.parametrize(
    ("kind", "arrivals"),
    [
        ("lost", ARRIVALS[:1]),
        ("twice", [*ARRIVALS, ARRIVALS[0]]),
        ("refused", [*ARRIVALS, Arrival(3, frozenset(MAILS[3].recipients), MAILS[3].mark)]),
        ("invented", [*ARRIVALS, Arrival(9, frozenset(), "")]),
        ("invented", [*ARRIVALS, Arrival(None, frozenset(), "")]),
        ("torn", [ARRIVALS[0], replace(ARRIVALS[1], mark="")]),
        ("recipients", [ARRIVALS[0], replace(ARRIVALS[1], recipients=frozenset({"x@y.z"}))]),
    ],
)
def test_what_arrived_wrongly_is_found(kind: str, arrivals: list[Arrival]) -> None:
    assert kind in kinds(arrivals)


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("left", {"left": {"the spool": 1}}),
        ("ledger", {"states": {"id-1": "sent", "id-2": "sending"}}),
        ("ledger", {"states": {"id-1": "sent", "id-2": "sent", "id-7": "sent"}}),
        ("strangers", {"strangers": 1}),
        ("both", {"dead_letters": {"id-1": "a reason"}}),
        ("no reason", {"dead_letters": {"id-1": ""}}),
    ],
)
def test_what_the_relay_says_wrongly_is_found(kind: str, changes: Mapping[str, object]) -> None:
    assert kind in kinds(stock=replace(QUIET, **changes))  # type: ignore[arg-type]


def test_a_dead_letter_with_its_reason_is_an_end() -> None:
    stock = replace(
        QUIET, states={"id-1": "sent", "id-2": "dead"}, dead_letters={"id-2": "no such mailbox"}
    )

    assert kinds(ARRIVALS[:1], stock) == set()


def test_a_mail_is_known_again() -> None:
    mail = numbered_mail(7, 12)

    assert numbered_mail(7, 12) == mail
    assert number_of(mail.message_id) == 12
    assert mark_of(mail.octets.replace(b"Subject", b"Topic")) == mail.mark
    assert mark_of(mail.octets[:-40]) != mail.mark
