"""What the edges said last: the newest counts, and an edge that restarts forgets no device."""

from datetime import timedelta

import pytest

from handoff.signals import DeviceSeen, EndingTold
from handoff.sites import Sites
from handoff.storage import Storage
from tests.builders import NOW
from tests.handoff.test_signals import HEARTBEAT

MINUTE = timedelta(minutes=1)


@pytest.fixture
def sites(storage: Storage) -> Sites:
    return Sites(storage.status)


def test_a_site_is_as_its_newest_heartbeat_says(sites: Sites) -> None:
    newer = HEARTBEAT.model_copy(update={"at": NOW + MINUTE, "spool_mails": 7})
    for heartbeat in (newer, HEARTBEAT):
        sites.note(heartbeat)
    (site,) = sites.all()

    assert (site.name, site.spool_mails, site.at) == ("plant-2", 7, NOW + MINUTE)
    assert site.spool_bytes == 3_000_000_000
    assert site.certificate_ends_at == NOW


def test_all_that_ends_is_what_the_newest_heartbeat_tells(sites: Sites) -> None:
    ending = EndingTold(what="storage-secret", ends_at=NOW + MINUTE)
    sites.note(HEARTBEAT.model_copy(update={"endings": (ending,)}))
    (before,) = sites.all()
    newer = {"at": NOW + MINUTE, "certificate_ends_at": None}
    sites.note(HEARTBEAT.model_copy(update=newer))
    (after,) = sites.all()

    assert {"tls-certificate": NOW, "storage-secret": NOW + MINUTE} == before.endings
    assert {} == after.endings


def test_a_restarted_edge_does_not_make_a_device_unseen(sites: Sites) -> None:
    sites.note(HEARTBEAT)
    fresh = DeviceSeen(name="scanner-2f", silent_after=3600)
    sites.note(HEARTBEAT.model_copy(update={"at": NOW + MINUTE, "devices": (fresh,)}))
    (device,) = sites.devices(NOW + MINUTE)

    assert (device.site, device.name, device.last_seen) == ("plant-2", "scanner-2f", NOW)
    assert (device.tls, device.mails, device.silent_after) == ("TLSv1.3", 0, 3600)
    assert not device.is_silent(NOW + timedelta(minutes=59))
    assert device.is_silent(NOW + timedelta(minutes=61))


def test_a_setting_that_is_taken_away_is_gone(sites: Sites) -> None:
    for minute, silent_after in enumerate((3600, None)):
        device = DeviceSeen(name="scanner-2f", last_seen=NOW, silent_after=silent_after)
        at = NOW + minute * MINUTE
        sites.note(HEARTBEAT.model_copy(update={"at": at, "devices": (device,)}))
    (device_now,) = sites.devices(NOW)

    assert device_now.silent_after is None
    assert not device_now.is_silent(NOW + timedelta(days=1))


def test_a_device_that_is_no_longer_named_is_no_longer_shown(sites: Sites) -> None:
    sites.note(HEARTBEAT)

    assert len(sites.devices(NOW + timedelta(days=1))) == 1
    assert len(sites.devices(NOW + timedelta(days=3))) == 0


def test_a_site_without_a_name_and_many_devices_is_one_too(sites: Sites) -> None:
    devices = tuple(DeviceSeen(name=f"d{number}") for number in range(250))
    sites.note(HEARTBEAT.model_copy(update={"site": "", "devices": devices}))

    assert [site.name for site in sites.all()] == [""]
    assert len(sites.devices(NOW)) == 250


def test_a_site_is_forgotten_with_its_devices(sites: Sites) -> None:
    sites.note(HEARTBEAT)
    sites.note(HEARTBEAT.model_copy(update={"site": "plant-3"}))

    assert sites.forget("plant-2")
    assert not sites.forget("plant-2")
    assert [site.name for site in sites.all()] == ["plant-3"]
    assert [device.site for device in sites.devices(NOW)] == ["plant-3"]
