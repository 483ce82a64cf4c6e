"""Credentials that end are told of 30, 14, 7 days and 1 day before, once each."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from operator import attrgetter

import pytest

from function_app.expiry import watch
from function_app.notices.alarms import Alarms
from function_app.notices.settings import Endpoint, NoticeSettings
from function_app.notices.tell import tell
from function_app.settings import Settings, SettingsError
from handoff.endings import PARTITION
from handoff.signals import EndingTold
from handoff.sites import Sites
from tests.certificates import a_certificate
from tests.function_app.desk import BY_SECRET, Desk, events
from tests.function_app.hook import Hook, a_hook
from tests.handoff.test_signals import HEARTBEAT

WEB = {"MailStorage": "unused"}


@pytest.fixture
def hook() -> Iterator[Hook]:
    with a_hook() as hook:
        yield hook


def round_(desk: Desk, hook: Hook, **settings: str) -> list[tuple[str, str]]:
    """What the webhook hears of one round."""
    before = len(hook.events)
    found = Settings.from_env(WEB | settings)
    alarms = Alarms(desk.storage, lambda: desk.now)
    watch(found, alarms, desk.storage, attrgetter("expires"), desk.now)
    operators = NoticeSettings(webhook=Endpoint(hook.url))
    tell(desk.storage, operators, desk.now)
    return hook.events[before:]


def secret_ending(at: datetime) -> dict[str, str]:
    return BY_SECRET | {"IDENTITY__DEFAULT__CLIENT_SECRET_EXPIRES": at.isoformat()}


def test_each_stage_is_told_once(desk: Desk, hook: Hook) -> None:
    ends = desk.now + timedelta(days=32)
    told: list[tuple[int, str]] = []
    for day in range(33):
        for _ in range(2):
            told += [(day, name) for _, name in round_(desk, hook, **secret_ending(ends))]
        desk.now += timedelta(days=1)

    assert [
        (2, "default.secret-expires-30"),
        (18, "default.secret-expires-14"),
        (25, "default.secret-expires-7"),
        (31, "default.secret-expires-1"),
    ] == told


def test_the_renewal_is_told(desk: Desk, hook: Hook) -> None:
    ends = desk.now + timedelta(days=5)
    first = round_(desk, hook, **secret_ending(ends))
    desk.now += timedelta(minutes=5)
    renewed = round_(desk, hook, **secret_ending(ends + timedelta(days=700)))
    again = round_(desk, hook, **secret_ending(ends + timedelta(days=700)))

    assert [("alarm", "default.secret-expires-7")] == first
    assert [("alarm-over", "default.secret-expires-7")] == renewed
    assert [] == again


def test_a_certificate_tells_its_own_end(
    desk: Desk, hook: Hook, caplog: pytest.LogCaptureFixture
) -> None:
    by_certificate = {
        "IDENTITY__PLANT__CREDENTIAL": "certificate",
        "IDENTITY__PLANT__TENANT_ID": "contoso.com",
        "IDENTITY__PLANT__CLIENT_ID": "app",
        "IDENTITY__PLANT__CERTIFICATE": a_certificate(days=6.5).pem,
    }
    told = round_(desk, hook, **by_certificate)

    assert [("alarm", "plant.certificate-expires-7")] == told
    assert "ends in 6 days" in str(hook.posted[0].event["text"])
    assert "is wrong" not in str(hook.posted[0].event["text"])
    assert "plant.certificate-expires-7" in [event.get("alarm") for event in events(caplog)]


def test_a_signature_of_the_storage_account_tells_its_end(desk: Desk, hook: Hook) -> None:
    ends = desk.now + timedelta(hours=3)
    account = f"SharedAccessSignature=sv=1&se={ends:%Y-%m-%dT%H:%M:%SZ}&sig=c2VjcmV0"

    assert [("alarm", "app.signature-expires-1")] == round_(desk, hook, MailStorage=account)
    assert "ends today" in str(hook.posted[0].event["text"])


def test_what_is_known_stands_in_the_table(desk: Desk, hook: Hook) -> None:
    ends = desk.now + timedelta(days=300)
    round_(desk, hook, **secret_ending(ends))
    row = desk.storage.status.get_entity(PARTITION, "default.secret")

    assert row["expires_at"] == ends


def test_nothing_ends_with_a_managed_identity(desk: Desk, hook: Hook) -> None:
    assert [] == round_(desk, hook)


def test_what_is_no_date_is_a_fault() -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_env(
            WEB | BY_SECRET | {"IDENTITY__DEFAULT__CLIENT_SECRET_EXPIRES": "next year"}
        )

    assert "such as 2027-11-21" in caught.value.faults[0]


def heartbeat(desk: Desk, **endings: datetime) -> None:
    """A beat of plant-2, where these end."""
    told = tuple(
        EndingTold(what=what.replace("_", "-"), ends_at=at) for what, at in endings.items()
    )
    beat = HEARTBEAT.model_copy(
        update={"at": desk.now, "endings": told, "certificate_ends_at": None}
    )
    Sites(desk.storage.status).note(beat)


def test_what_ends_at_an_edge_is_told_a_stage_until_it_is_renewed(desk: Desk, hook: Hook) -> None:
    ends = desk.now + timedelta(days=15)
    told: list[tuple[str, str]] = []
    for _ in range(16):
        heartbeat(desk, storage_secret=ends)
        told += round_(desk, hook)
        desk.now += timedelta(days=1)
    heartbeat(desk, storage_secret=ends + timedelta(days=365))
    renewed = round_(desk, hook)

    name = "app.edge-storage-secret-expires-{}.plant-2"
    assert [("alarm", name.format(days)) for days in (30, 14, 7, 1)] == told
    assert {("alarm-over", name.format(days)) for days in (7, 1)} == set(renewed)
    assert "The storage secret of the edge at site plant-2 ends in 15 days" in str(
        hook.posted[0].event["text"]
    )


def test_what_an_edge_no_longer_uses_ends_no_more(desk: Desk, hook: Hook) -> None:
    heartbeat(desk, storage_signature=desk.now + timedelta(days=2))
    first = round_(desk, hook)
    desk.now += timedelta(minutes=5)
    heartbeat(desk)
    second = round_(desk, hook)

    name = "app.edge-storage-signature-expires-7.plant-2"
    assert ([("alarm", name)], [("alarm-over", name)]) == (first, second)


def test_the_certificate_of_an_older_edge_counts_too(desk: Desk, hook: Hook) -> None:
    ends = desk.now + timedelta(days=3)
    Sites(desk.storage.status).note(HEARTBEAT.model_copy(update={"certificate_ends_at": ends}))

    assert [("alarm", "app.edge-tls-certificate-expires-7.plant-2")] == round_(desk, hook)


def test_each_round_says_how_long_is_left(
    desk: Desk, hook: Hook, caplog: pytest.LogCaptureFixture
) -> None:
    heartbeat(desk, storage_signature=desk.now + timedelta(days=400))
    round_(desk, hook, **secret_ending(desk.now + timedelta(days=300)))
    told = [event for event in events(caplog) if event["event"] == "expiry"]

    assert [("secret", 300), ("edge-storage-signature", 400)] == [
        (event["what"], event["days_left"]) for event in told
    ]
    assert ("default", "plant-2") == (told[0]["identity"], told[1]["site"])
