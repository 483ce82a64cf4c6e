"""The row of a mail goes when it was kept for long enough; of mail that is not over it stays."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from azure.core.exceptions import AzureError

from function_app.means import LEASE
from function_app.retention.retain import retain
from function_app.retention.round import Round
from handoff.account import Account
from handoff.delivery import Delivery, State
from handoff.redrive import Operator
from handoff.retention import remove_rows
from handoff.storage import Storage
from tests.function_app.desk import Desk, events
from tests.function_app.faulty_storage import Fault, faulty_storage
from tests.function_app.keeping import (
    DAY,
    KEEP,
    SECOND,
    a_round,
    a_row,
    died,
    letters_of,
    recorded,
    rows_of,
)


@pytest.mark.parametrize("state", [State.SENT, State.DISCARDED])
def test_a_row_goes_when_its_mail_has_ended_long_enough_ago(desk: Desk, state: State) -> None:
    row = desk.ledger.record(a_row(desk, state))
    desk.now += KEEP.deliveries

    assert 0 == a_round(desk).deliveries
    assert desk.ledger.find(row.id) is not None

    desk.now += SECOND

    assert 1 == a_round(desk).deliveries
    assert desk.ledger.find(row.id) is None


@pytest.mark.parametrize("state", [State.SENDING, State.DEFERRED])
def test_a_row_of_waiting_mail_stays_however_old_it_is(desk: Desk, state: State) -> None:
    # Of a row that wrongly has an end, too: its state counts.
    row = desk.ledger.record(replace(a_row(desk, state), ended_at=desk.now))
    desk.now += 10 * KEEP.deliveries

    assert 0 == a_round(desk).deliveries
    assert desk.ledger.find(row.id) is not None


def test_mail_that_came_late_is_kept_from_its_end_on(desk: Desk) -> None:
    began = desk.now
    ticket = desk.a_ticket()
    desk.now += 60 * DAY  # the edge had no uplink
    row = Delivery.opened(ticket, "message", desk.now, LEASE).concluded(State.SENT, desk.now)
    desk.ledger.record(row)

    desk.now = began + KEEP.deliveries + DAY
    assert 0 == a_round(desk).deliveries

    desk.now = began + KEEP.deliveries + 60 * DAY + SECOND
    assert 1 == a_round(desk).deliveries


def test_only_what_is_old_goes_of_every_site(desk: Desk) -> None:
    recorded(desk, [a_row(desk, site=site) for site in ("plant-1", "plant-2") for _ in range(3)])
    desk.now += KEEP.deliveries - DAY
    young = recorded(desk, [a_row(desk, site="plant-2") for _ in range(2)])
    desk.now += DAY + SECOND

    assert 6 == a_round(desk).deliveries
    assert {row.id for row in young} == {
        row["RowKey"] for row in desk.storage.deliveries.list_entities()
    }


def test_a_row_of_dead_mail_stays_with_its_dead_letter(desk: Desk) -> None:
    ticket = died(desk)
    desk.now += KEEP.deliveries + SECOND
    a_round(desk)

    assert State.DEAD is desk.row(ticket).state

    Operator(desk.storage, "eve").discard((ticket.id,), desk.now)
    desk.now += KEEP.deliveries + SECOND
    a_round(desk)

    assert desk.ledger.find(ticket.id) is None


def test_a_row_that_somebody_changes_meanwhile_stays(desk: Desk) -> None:
    rows = recorded(desk, [a_row(desk, State.DISCARDED) for _ in range(3)])
    desk.now += KEEP.deliveries + SECOND
    found = list(desk.storage.deliveries.list_entities())
    redriven = desk.ledger.find(rows[1].id)
    assert redriven is not None
    desk.ledger.record(replace(redriven, state=State.DEFERRED, ended_at=None))

    assert 2 == remove_rows(found, desk.storage.deliveries)
    assert [rows[1].id] == [row["RowKey"] for row in desk.storage.deliveries.list_entities()]
    assert 2 == remove_rows(found, desk.storage.deliveries), "those that are gone are gone"


def test_a_round_is_bounded_and_the_next_goes_on(desk: Desk) -> None:
    for _ in range(3):
        recorded(desk, [a_row(desk) for _ in range(60)])
        desk.now += timedelta(hours=1)
    desk.now += KEEP.deliveries

    assert [120, 60, 0] == [a_round(desk, most=100).deliveries for _ in range(3)]
    assert 0 == rows_of(desk)


def test_a_round_ends_when_its_time_is_over(desk: Desk) -> None:
    recorded(desk, [a_row(desk) for _ in range(2)])
    desk.now += KEEP.deliveries + SECOND

    assert 0 == a_round(desk, seconds=0).deliveries
    assert 2 == rows_of(desk)


def test_what_cannot_go_yet_is_looked_at_again_once_a_day(desk: Desk) -> None:
    ticket = died(desk)
    desk.now += KEEP.deliveries + 10 * DAY
    a_round(desk)
    for name in letters_of(desk):  # by hand, in the portal
        desk.storage.dead_letters.delete_blob(name)

    assert 0 == a_round(desk).deliveries

    desk.now += DAY

    assert 1 == a_round(desk).deliveries
    assert desk.ledger.find(ticket.id) is None


def test_a_round_that_breaks_off_is_made_again(desk: Desk, mail_account: str) -> None:
    for _ in range(2):
        recorded(desk, [a_row(desk) for _ in range(100)])
        desk.now += timedelta(hours=1)
    desk.now += KEEP.deliveries + SECOND
    lost = Fault("lose answer", "Table", "POST", "batch")
    with (
        faulty_storage(mail_account, lost) as broken,
        Storage(Account(connection_string=broken)) as storage,
        pytest.raises(AzureError),
    ):
        retain(Round(storage, desk.now), KEEP)

    assert lost.struck.is_set()
    assert 100 == rows_of(desk)
    assert 100 == a_round(desk).deliveries
    assert 0 == rows_of(desk)


def test_what_was_removed_is_logged_and_nothing_else(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.ledger.record(a_row(desk))
    a_round(desk)
    desk.now += KEEP.deliveries + SECOND
    a_round(desk)

    assert [
        {"event": "removed", "status_rows": 0, "dead_letters": 0, "contents": 0, "deliveries": 1}
    ] == events(caplog)
    assert "contoso" not in json.dumps(events(caplog))
