"""What was kept for long enough goes; the day before it stays, and so does what is not over."""

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from azure.core.exceptions import AzureError

from function_app.deliver import deliver
from function_app.means import LEASE
from function_app.outcome import Rejected
from function_app.retention.retain import Removed, retain
from function_app.retention.round import Round
from function_app.retention.times import KeepTimes
from handoff.account import Account
from handoff.audit import AuditRow, note, noted
from handoff.delivery import Delivery, State, to_entity
from handoff.findings import Finding, read_findings, write_findings
from handoff.hours import Figures, Hour, Hours, hour_of
from handoff.ids import blob_name_of, new_id
from handoff.records import RecordSeen, read_record, write_record
from handoff.redrive import Operator
from handoff.retention import remove_rows
from handoff.signals import DeviceSeen, Heartbeat
from handoff.sites import Sites
from handoff.storage import Storage
from handoff.ticket import Ticket
from tests.function_app.desk import Desk, ScriptedProvider, events
from tests.function_app.faulty_storage import Fault, faulty_storage

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
KEEP = KeepTimes()
SHORT = replace(KEEP, dead_letters=10 * DAY)
GONE = Rejected("ErrorInvalidUser", "No such mailbox.")


def a_round(desk: Desk, keep: KeepTimes = KEEP, **changes: Any) -> Removed:
    return retain(Round(desk.storage, desk.now, **changes), keep)


def a_row(desk: Desk, state: State = State.SENT, **changes: Any) -> Delivery:
    """The row of a mail that ended now."""
    row = Delivery.opened(desk.a_ticket(**changes), "message", desk.now, LEASE)
    return row if state is State.SENDING else row.concluded(state, desk.now)


def recorded(desk: Desk, rows: Iterable[Delivery]) -> list[Delivery]:
    several = list(rows)
    desk.storage.deliveries.submit_transaction([("create", to_entity(row)) for row in several])
    return several


def rows_of(desk: Desk) -> int:
    return len(list(desk.storage.deliveries.list_entities()))


def died(desk: Desk) -> Ticket:
    ticket = desk.a_ticket()
    message = desk.queued(ticket)
    deliver(message, desk.means(ScriptedProvider([GONE])))
    assert desk.is_let_go(message)
    return ticket


def letters_of(desk: Desk) -> list[str]:
    return list(desk.storage.dead_letters.list_blob_names())


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


def test_dead_letters_are_kept_until_somebody_acts(desk: Desk) -> None:
    died(desk)
    desk.now += 1000 * DAY

    assert 0 == a_round(desk).dead_letters
    assert 2 == len(letters_of(desk))


def test_dead_letters_go_after_the_time_that_was_set(desk: Desk) -> None:
    ticket = died(desk)
    (kept_at,) = [letter.kept_at for letter in desk.dead_letters.labels()]
    desk.now = kept_at + 10 * DAY

    assert 0 == a_round(desk, SHORT).dead_letters

    desk.now += SECOND

    assert 1 == a_round(desk, SHORT).dead_letters
    assert [] == letters_of(desk)
    assert (State.DISCARDED, "RELAY_KEEP_DEAD_LETTERS let the mail go.") == (
        desk.row(ticket).state,
        desk.row(ticket).reason,
    )
    assert [("RELAY_KEEP_DEAD_LETTERS", "discard", (ticket.id,))] == [
        (row.who, row.action, row.mails) for row in noted(desk.storage.status)
    ]


def test_a_dead_letter_whose_mail_waits_again_stays(desk: Desk) -> None:
    ticket = died(desk)
    desk.ledger.record(replace(desk.row(ticket), state=State.DEFERRED))
    desk.now += 20 * DAY

    assert 0 == a_round(desk, SHORT).dead_letters
    assert 2 == len(letters_of(desk))


def test_a_dead_letter_in_doubt_waits_for_a_person(desk: Desk) -> None:
    ticket = died(desk)
    desk.ledger.record(replace(desk.row(ticket), unsure_since=desk.now))
    desk.now += 20 * DAY

    assert 0 == a_round(desk, SHORT).dead_letters
    assert 2 == len(letters_of(desk))


def test_a_queue_message_that_was_no_ticket_goes_like_any_dead_letter(desk: Desk) -> None:
    deliver(desk.queued("no ticket"), desk.means(ScriptedProvider()))
    desk.now += 11 * DAY

    assert 1 == a_round(desk, SHORT).dead_letters
    assert [] == letters_of(desk)


def test_half_a_dead_letter_goes_when_no_mail_needs_it(desk: Desk) -> None:
    ended, waiting = a_row(desk), a_row(desk, State.DEFERRED)
    whole = died(desk)
    for row in (ended, waiting):
        desk.ledger.record(row)
        desk.storage.dead_letters.upload_blob(f"{row.id}.eml", b"x")
    desk.now += KEEP.content - timedelta(minutes=1)
    a_round(desk)

    assert 4 == len(letters_of(desk))

    desk.now += timedelta(minutes=2)
    a_round(desk)

    assert {f"{waiting.id}.eml", f"{whole.id}.eml", f"{whole.id}.json"} == set(letters_of(desk))


def test_content_goes_when_no_mail_needs_it(desk: Desk) -> None:
    orphan, ended, waiting = (desk.a_ticket_with_blob() for _ in range(3))
    for ticket, state in ((ended, State.SENT), (waiting, State.DEFERRED)):
        row = Delivery.opened(ticket, "message", desk.now, LEASE).concluded(state, desk.now)
        desk.ledger.record(row)
    desk.now += KEEP.content - timedelta(minutes=1)

    assert 0 == a_round(desk).contents

    desk.now += timedelta(minutes=2)

    assert 2 == a_round(desk).contents
    assert [False, False, True] == [desk.has_content(one) for one in (orphan, ended, waiting)]


@pytest.mark.parametrize("queue", ["outbound", "poison"])
def test_content_stays_while_any_ticket_waits(desk: Desk, queue: str) -> None:
    ticket = desk.a_ticket_with_blob()
    messages = getattr(desk.storage, queue)
    messages.send_message("ticket", time_to_live=-1)
    messages.receive_message(visibility_timeout=600)  # hidden, as a deferred mail's is
    desk.now += 10 * KEEP.content

    assert 0 == a_round(desk).contents
    assert desk.has_content(ticket)


def test_content_that_was_put_anew_stays(desk: Desk) -> None:
    old = new_id(desk.now - 10 * KEEP.content)
    desk.storage.mail.upload_blob(blob_name_of(old), b"x")

    assert 0 == a_round(desk).contents


def test_counted_hours_go_after_their_time(desk: Desk) -> None:
    hours, begins = Hours(desk.storage.status), hour_of(desk.now)
    hours.write(Hour(begins, Figures(), desk.now))
    desk.now = begins + KEEP.statistics

    assert 0 == a_round(desk).status_rows

    desk.now += timedelta(hours=1)

    assert 1 == a_round(desk).status_rows
    assert [] == hours.read(begins, begins + DAY, with_names=False)


def test_the_audit_is_kept_by_a_time_of_its_own(desk: Desk) -> None:
    note(AuditRow(desk.now, "eve", "discard", ("01JD3V6Q8K5T0C9E8XW2M7B4FA",)), desk.storage.status)
    keep = replace(KEEP, audit=500 * DAY)
    desk.now += 500 * DAY

    assert 0 == a_round(desk, keep).status_rows
    assert 1 == len(noted(desk.storage.status))

    desk.now += SECOND

    assert 1 == a_round(desk, keep).status_rows
    assert [] == list(noted(desk.storage.status))


def a_heartbeat(desk: Desk, site: str, *devices: str) -> Heartbeat:
    return Heartbeat(
        id=new_id(desk.now),
        site=site,
        at=desk.now,
        every=300,
        started_at=desk.now,
        spool_mails=0,
        spool_bytes=0,
        spool_most_bytes=1,
        faults=0,
        devices=tuple(DeviceSeen(name=name) for name in devices),
    )


def test_a_site_that_is_heard_no_more_is_forgotten_and_no_other(desk: Desk) -> None:
    sites = Sites(desk.storage.status)
    sites.note(a_heartbeat(desk, "plant-1", "scanner"))
    sites.note(a_heartbeat(desk, "plant-2", "scanner", "printer"))
    desk.now += KEEP.signals
    sites.note(a_heartbeat(desk, "plant-2", "scanner"))

    assert 0 == a_round(desk).status_rows

    desk.now += SECOND

    assert 3 == a_round(desk).status_rows
    assert ["plant-2"] == [site.name for site in sites.all()]
    assert ["scanner"] == [device.name for device in sites.devices(desk.now)]


def test_the_answer_to_a_probe_is_forgotten(desk: Desk) -> None:
    status = desk.storage.status
    write_findings("PROBE", [Finding("G01", "app", "ok", "It runs.")], desk.now, status)
    desk.now += KEEP.signals
    a_round(desk)

    assert read_findings("PROBE", status) is not None

    desk.now += SECOND
    a_round(desk)

    assert read_findings("PROBE", status) is None


def test_the_record_of_an_application_that_nobody_asks_for_is_forgotten(desk: Desk) -> None:
    status = desk.storage.status
    write_record(status, "former", RecordSeen("client", desk.now))
    desk.now += KEEP.signals + SECOND
    write_record(status, "default", RecordSeen("client", desk.now))
    a_round(desk)

    assert read_record(status, "former") is None
    assert read_record(status, "default") is not None


def test_an_alarm_that_is_over_is_forgotten_and_an_open_one_never(desk: Desk) -> None:
    row = {"PartitionKey": "alarm", "seen_at": desk.now, "code": "x", "sentence": ""}
    over = row | {"RowKey": "over", "cleared_at": desk.now + SECOND}
    again = row | {"RowKey": "again", "cleared_at": desk.now - SECOND}
    for one in (over, again, row | {"RowKey": "open"}):
        desk.storage.status.create_entity(one)
    desk.now += 10 * KEEP.signals
    a_round(desk)
    left = desk.storage.status.query_entities("PartitionKey eq 'alarm'")

    assert ["again", "open"] == sorted(row["RowKey"] for row in left)


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
