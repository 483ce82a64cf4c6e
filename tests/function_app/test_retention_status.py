"""What was counted, noted and heard goes after its time; the day before it stays."""

from dataclasses import replace
from datetime import timedelta

from handoff.application_records import RecordSeen, read_record, write_record
from handoff.audit import AuditRow, note, noted
from handoff.findings import Finding, read_findings, write_findings
from handoff.hours import Figures, Hour, Hours, hour_of
from handoff.refreshes import Refresh, note_refresh, read_refreshes
from handoff.signals import DeviceSeen
from handoff.sites import Sites
from tests.builders import a_heartbeat
from tests.function_app.desk import Desk
from tests.function_app.keeping import DAY, KEEP, SECOND, a_round


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


def test_a_site_that_is_heard_no_more_is_forgotten_and_no_other(desk: Desk) -> None:
    sites = Sites(desk.storage.status)
    scanner, printer = DeviceSeen(name="scanner"), DeviceSeen(name="printer")
    sites.note(a_heartbeat(desk.now, scanner, site="plant-1"))
    sites.note(a_heartbeat(desk.now, scanner, printer))
    desk.now += KEEP.signals
    sites.note(a_heartbeat(desk.now, scanner))

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


def test_the_tokens_of_an_identity_that_is_no_more_are_forgotten(desk: Desk) -> None:
    status = desk.storage.status
    note_refresh(status, "former", Refresh(desk.now, desk.now + DAY))
    desk.now += KEEP.signals
    a_round(desk)

    assert {"former"} == read_refreshes(status).keys()

    note_refresh(status, "default", Refresh(desk.now, desk.now + DAY))
    desk.now += SECOND
    a_round(desk)

    assert {"default"} == read_refreshes(status).keys()


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
