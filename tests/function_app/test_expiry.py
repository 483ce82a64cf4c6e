"""Credentials that end are told of 30, 14, 7 days and 1 day before, once each."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from function_app.expiry import PARTITION, watch
from function_app.notices.alarms import Alarms
from function_app.notices.settings import Endpoint, NoticeSettings
from function_app.notices.tell import tell
from function_app.settings import Settings, SettingsError
from tests.certificates import a_certificate
from tests.function_app.desk import BY_SECRET, Desk, events
from tests.function_app.hook import Hook, a_hook

WEB = {"MailStorage": "unused"}


@pytest.fixture
def hook() -> Iterator[Hook]:
    with a_hook() as hook:
        yield hook


def round_(desk: Desk, hook: Hook, **settings: str) -> list[tuple[str, str]]:
    """What the webhook hears of one round."""
    before = len(hook.events)
    found = Settings.from_env(WEB | settings)
    watch(found, Alarms(desk.storage, lambda: desk.now), desk.storage, desk.now)
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
