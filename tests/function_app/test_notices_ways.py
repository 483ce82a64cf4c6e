"""How a notice is sent, and whether a mail is dead at all."""

from collections.abc import Mapping

import pytest

from function_app.notices.board import Fate, Notice, fate_of
from function_app.notices.own_mail import way_of
from handoff.ledger import Delivery, State
from handoff.ticket import SendAs
from tests.builders import NOW

WAYS = {
    "from the mailbox that is set": (SendAs(mailbox="scan@x.org"), "gave-up", "relay@x.org"),
    "by the client's own credential": (
        SendAs(mailbox="scan@x.org", sealed="a.b.c"),
        "gave-up",
        "scan@x.org",
    ),
    "no mailbox under this name": (
        SendAs(mailbox="scan@x.org"),
        "ErrorInvalidUser",
        "relay@x.org",
    ),
}


@pytest.mark.parametrize(("dead", "code", "mailbox"), WAYS.values(), ids=WAYS)
def test_a_notice_goes_out(dead: SendAs, code: str, mailbox: str) -> None:
    way = way_of(dead, code, "relay@x.org")

    assert way is not None
    assert (mailbox, "rewrite", dead.sealed) == (way.mailbox, way.from_policy, way.sealed)


def test_a_notice_goes_by_the_identity_of_the_mail() -> None:
    way = way_of(SendAs(mailbox="scan@x.org", identity="plant", from_policy="keep"), "gave-up", "")

    assert SendAs(mailbox="scan@x.org", identity="plant", from_policy="rewrite") == way


NO_WAY: Mapping[str, tuple[SendAs | None, str, str]] = {
    "the mailbox does not exist": (SendAs(mailbox="scan@x.org"), "ErrorInvalidUser", ""),
    "the identity does not exist": (SendAs(mailbox="scan@x.org"), "unknown-identity", ""),
    "nobody can write the mailbox": (SendAs(mailbox="no address"), "bad-address", ""),
    "there is no ticket": (None, "bad-ticket", ""),
}


@pytest.mark.parametrize(("dead", "code", "mailbox"), NO_WAY.values(), ids=NO_WAY)
def test_a_notice_that_could_only_die_is_not_written(
    dead: SendAs | None, code: str, mailbox: str
) -> None:
    assert way_of(dead, code, mailbox) is None


def test_a_notice_of_an_unknown_identity_goes_by_the_default_one() -> None:
    way = way_of(SendAs(mailbox="a@x.org", identity="plnat"), "unknown-identity", "relay@x.org")

    assert SendAs(mailbox="relay@x.org", identity="default") == way


def a_row(state: State, generation: int = 0) -> Delivery:
    return Delivery("x", state, generation, 1, NOW, NOW, NOW)


FATES = [
    (a_row(State.DEAD), Fate.TELL),
    (None, Fate.TELL),
    (a_row(State.SENDING), Fate.WAIT),
    (a_row(State.DEFERRED), Fate.WAIT),
    (a_row(State.SENT), Fate.DROP),
    (a_row(State.DISCARDED), Fate.DROP),
    (a_row(State.DEAD, generation=1), Fate.DROP),
    (a_row(State.SENDING, generation=1), Fate.DROP),
]


@pytest.mark.parametrize(("row", "fate"), FATES)
def test_only_what_the_ledger_calls_dead_is_told(row: Delivery | None, fate: Fate) -> None:
    assert fate == fate_of(Notice("x"), row)


def test_what_is_no_ticket_is_told_without_a_row() -> None:
    assert Fate.TELL == fate_of(Notice("x", is_stranger=True), None)
