"""The ledger: who may send a mail now, decided once, by one worker."""

from dataclasses import replace
from datetime import timedelta

import pytest

from handoff.ledger import Busy, Claimed, ClaimLost, Delivery, Ended, Ledger, State, judge
from handoff.storage import Storage
from tests.builders import NOW, a_ticket

LEASE = timedelta(minutes=5)
TICKET = a_ticket(to=("ann@contoso.com", "bob@contoso.com"))
ROW = Delivery.opened(TICKET, "one", NOW, LEASE)


@pytest.fixture
def ledger(storage: Storage) -> Ledger:
    return Ledger(storage.deliveries)


def test_an_unknown_mail_is_claimed() -> None:
    assert Claimed(ROW) == judge(None, TICKET, "one", NOW, LEASE)


def test_a_mail_being_sent_is_busy_until_its_lease_ends() -> None:
    assert Busy(NOW + LEASE) == judge(ROW, TICKET, "two", NOW + timedelta(minutes=4), LEASE)


def test_a_mail_left_behind_by_its_worker_is_claimed_as_unsure() -> None:
    verdict = judge(ROW, TICKET, "two", NOW + timedelta(minutes=6), LEASE)

    assert isinstance(verdict, Claimed)
    assert verdict.delivery.unsure_since == NOW
    assert verdict.delivery.attempts == 2


def test_a_message_that_comes_again_need_not_wait_for_its_own_lease() -> None:
    verdict = judge(ROW, TICKET, "one", NOW + timedelta(seconds=1), LEASE)

    assert isinstance(verdict, Claimed)
    assert verdict.delivery.unsure_since == NOW


def test_a_deferred_mail_is_claimed_without_doubt() -> None:
    row = ROW.concluded(State.DEFERRED, NOW, code="429", reason="busy")
    verdict = judge(row, TICKET, "one", NOW, LEASE)

    assert isinstance(verdict, Claimed)
    assert verdict.delivery.unsure_since is None
    assert verdict.delivery.history == row.history


def test_the_oldest_doubt_about_a_mail_stays() -> None:
    row = replace(ROW, unsure_since=NOW - timedelta(hours=1), looks=2)
    deferred = judge(row.concluded(State.DEFERRED, NOW), TICKET, "one", NOW, LEASE)
    left_behind = judge(row, TICKET, "one", NOW, LEASE)

    assert isinstance(deferred, Claimed)
    assert (NOW - timedelta(hours=1), 2) == (
        deferred.delivery.unsure_since,
        deferred.delivery.looks,
    )
    assert isinstance(left_behind, Claimed)
    assert (NOW - timedelta(hours=1), 0) == (
        left_behind.delivery.unsure_since,
        left_behind.delivery.looks,
    )


@pytest.mark.parametrize("state", [State.SENT, State.DEAD, State.DISCARDED])
def test_an_ended_mail_is_not_sent_again(state: State) -> None:
    assert Ended(state) == judge(ROW.concluded(state, NOW), TICKET, "one", NOW, LEASE)


def test_a_new_generation_of_a_dead_mail_is_sent_again() -> None:
    redriven = TICKET.model_copy(update={"generation": 1})
    doubtful = replace(ROW.concluded(State.DEAD, NOW), unsure_since=NOW, looks=1)
    verdict = judge(doubtful, redriven, "two", NOW, LEASE)

    assert isinstance(verdict, Claimed)
    assert verdict.delivery.generation == 1
    assert (None, 0) == (verdict.delivery.unsure_since, verdict.delivery.looks)
    assert verdict.delivery.ended_at is None


def test_a_row_is_read_as_it_was_written(ledger: Ledger) -> None:
    claimed = ledger.claim(TICKET, "one", NOW, LEASE)
    assert isinstance(claimed, Claimed)
    row = ledger.record(
        claimed.delivery.concluded(
            State.DEFERRED,
            NOW,
            code="429",
            reason="busy \u2014 later",
            next_attempt_at=NOW + LEASE,
            message_id="<one@contoso.com>",
        )
    )

    assert row == ledger.find(TICKET.id)


def test_of_two_workers_one_gets_the_claim(ledger: Ledger) -> None:
    ledger.record(ROW)

    with pytest.raises(ClaimLost):
        ledger.record(ROW)


def test_a_row_that_changed_meanwhile_is_not_overwritten(ledger: Ledger) -> None:
    seen = ledger.record(ROW)
    ledger.record(seen.concluded(State.SENT, NOW))

    with pytest.raises(ClaimLost):
        ledger.record(seen.concluded(State.DEAD, NOW))


def test_a_long_row_still_fits(ledger: Ledger) -> None:
    many = tuple(f"somebody.with.a.long.name.{number}@contoso.com" for number in range(2000))
    row = replace(ROW, recipients=many, recipient_count=len(many))
    for _ in range(40):
        row = row.concluded(State.DEFERRED, NOW, code="503", reason="\u00e4" * 5_000)
    ledger.record(row)
    found = ledger.find(TICKET.id)

    assert found is not None
    assert found.recipient_count == 2000
    assert 100 < len(found.recipients) < 2000
    assert len(found.history) == 20


def test_a_mail_nobody_claimed_is_not_found(ledger: Ledger) -> None:
    assert ledger.find(TICKET.id) is None
