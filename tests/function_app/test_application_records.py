"""When a client secret ends, the record of its application says, to whoever may read it."""

import logging
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from function_app.application_records import Records
from function_app.providers.graph.application_record import SecretShown, end_of
from function_app.providers.http import session
from function_app.providers.of_identity import record_of
from function_app.settings import Settings
from local.graph_simulator.client import SimulatorClient
from tests.function_app.desk import APPLICATION, BY_SECRET, SECRET, TENANT, Desk, events

NOW = datetime(2026, 11, 21, tzinfo=UTC)
CONFIGURED = datetime(2027, 1, 1, tzinfo=UTC)
Ask = Callable[[], datetime | None]


@pytest.fixture
def ends_at(desk: Desk, graph: SimulatorClient, monkeypatch: pytest.MonkeyPatch) -> Ask:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", graph.ca_file)
    graph.rule(permissions=["Application.Read.All"])
    known_to(graph, {"hint": SECRET[:3], "ends_at": "2027-11-21T00:00:00Z"})
    env = BY_SECRET | {
        "MailStorage": "unused",
        "GRAPH_ENDPOINT": graph.address,
        "ENTRA_AUTHORITY": graph.entra,
        "IDENTITY__DEFAULT__CLIENT_SECRET_EXPIRES": f"{CONFIGURED:%Y-%m-%d}",
    }

    def ends_at() -> datetime | None:
        settings = Settings.from_env(env)
        with closing(session(5, 15)) as http:
            records = Records(
                desk.storage, record_of(settings, http, lambda: desk.now), lambda: desk.now
            )
            return records.secret_ends_at(settings.identities["default"])

    return ends_at


def known_to(graph: SimulatorClient, *secrets: dict[str, Any]) -> None:
    graph.know(TENANT, APPLICATION, SECRET, secrets=list(secrets))


def asked(graph: SimulatorClient) -> int:
    return len(graph.requests(f"/applications(appId='{APPLICATION}')"))


def test_the_record_counts_and_is_asked_for_once_a_day(
    desk: Desk, graph: SimulatorClient, ends_at: Ask
) -> None:
    first = [ends_at(), ends_at()]
    known_to(graph, {"hint": SECRET[:3], "ends_at": "2029-11-21T00:00:00Z"})
    desk.now += timedelta(hours=23)
    before = ends_at(), asked(graph)
    desk.now += timedelta(hours=1)

    assert [datetime(2027, 11, 21, tzinfo=UTC)] * 2 == first
    assert (first[0], 1) == before
    assert datetime(2029, 11, 21, tzinfo=UTC) == ends_at()
    assert 2 == asked(graph)


def test_who_may_not_read_it_says_so_once_and_takes_the_configured_date(
    desk: Desk, graph: SimulatorClient, ends_at: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    ends_at()
    graph.rule(permissions=["Mail.Send"])
    found = []
    for _ in range(3):
        desk.now += timedelta(days=1)
        found.append(ends_at())
    told = [event for event in events(caplog) if event["event"] == "record-not-shown"]

    assert [CONFIGURED] * 3 == found
    assert ["Authorization_RequestDenied"] == [event["code"] for event in told]
    assert 4 == asked(graph)


@pytest.mark.parametrize(
    "fault",
    [{"status": 503}, {"status": 200, "body": {"value": []}}, {"reset": True}],
    ids=["service", "another shape", "reset"],
)
def test_a_fault_keeps_what_is_known_and_is_asked_about_an_hour_later(
    desk: Desk, graph: SimulatorClient, ends_at: Ask, fault: dict[str, Any]
) -> None:
    first = ends_at()
    desk.now += timedelta(days=1)
    graph.fail({"route": "application"} | fault)
    in_fault = ends_at()
    desk.now += timedelta(minutes=59)
    known_to(graph, {"hint": SECRET[:3], "ends_at": "2029-11-21T00:00:00Z"})
    soon = ends_at()
    desk.now += timedelta(minutes=1)

    assert first == in_fault == soon
    assert datetime(2029, 11, 21, tzinfo=UTC) == ends_at()


def test_a_record_in_another_tenant_is_looked_for_a_day_later(
    desk: Desk, graph: SimulatorClient, ends_at: Ask
) -> None:
    graph.fail({"route": "application", "status": 404, "times": 2})
    first = ends_at()
    desk.now += timedelta(hours=2)

    assert (CONFIGURED, CONFIGURED, 1) == (first, ends_at(), asked(graph))


def shown(days: int, hint: str = "") -> SecretShown:
    return SecretShown(NOW + timedelta(days=days), hint)


@pytest.mark.parametrize(
    ("secrets", "days"),
    [
        ([], None),
        ([shown(5, "abc")], None),
        ([shown(5, "abc"), shown(9, "s3c"), shown(7)], 9),
        ([shown(5, "abc"), shown(9), shown(7)], 7),
        ([shown(-5), shown(9)], 9),
        ([shown(-5), shown(-9)], -5),
        ([shown(-5, "s3c"), shown(9)], -5),
    ],
    ids=["none", "others", "hint", "first", "ended", "all ended", "hint ended"],
)
def test_the_secret_is_known_by_its_hint_else_the_first_to_end_counts(
    secrets: list[SecretShown], days: int | None
) -> None:
    expected = None if days is None else NOW + timedelta(days=days)

    assert expected == end_of(secrets, "s3cr3t", NOW)
