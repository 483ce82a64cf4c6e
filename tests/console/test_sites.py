"""Sites and devices for the operator: who is heard, who is not, what expires."""

from datetime import UTC, datetime, timedelta

import pytest

from console.reading.devices import join
from console.reading.expiry import expiries
from handoff.endings import read_endings
from handoff.hours import Share
from handoff.signals import DeviceSeen
from handoff.sites import Sites
from handoff.storage import Storage
from tests.builders import a_heartbeat
from tests.console.conftest import Relay

NOW = datetime.now(UTC).replace(microsecond=0)
HOUR = timedelta(hours=1)


def note(storage: Storage, site: str, ago: timedelta, *devices: DeviceSeen) -> None:
    at = datetime.now(UTC).replace(microsecond=0) - ago
    ends_at = NOW + timedelta(days=20)
    told = {"spool_mails": 4, "spool_bytes": 1000, "certificate_ends_at": ends_at}
    Sites(storage.status).note(a_heartbeat(at, *devices, site=site, **told))


def test_sites_says_who_is_heard_by_its_exit_code_too(relay: Relay, storage: Storage) -> None:
    note(storage, "plant-2", timedelta(0), DeviceSeen(name="ups", last_seen=NOW))
    fine = relay("sites")
    note(storage, "plant-3", HOUR)
    silent, as_json = relay("sites"), relay("sites", "--json")

    assert (fine.code, silent.code, as_json.code) == (0, 1, 1)
    assert "SILENT" not in fine.out
    assert "SILENT" in silent.out
    assert "4 mails, 1.0 kB" in fine.out
    assert [site["name"] for site in as_json.json["sites"]] == ["plant-2", "plant-3"]
    assert as_json.json["devices"][0]["name"] == "ups"


def test_a_site_that_is_no_more_is_forgotten(relay: Relay, storage: Storage) -> None:
    note(storage, "plant-3", HOUR)
    first = relay("sites", "forget", "plant-3", "--json")
    again = relay("sites", "forget", "plant-3")

    assert (first.code, again.code, relay("sites").code) == (0, 1, 0)
    assert {"forgotten": "plant-3"} == first.json


@pytest.mark.parametrize(("days", "code"), [("10", 0), ("30", 1)])
def test_watch_warns_of_what_expires(relay: Relay, storage: Storage, days: str, code: int) -> None:
    note(storage, "plant-2", timedelta(0))
    answer = relay("watch", "--days", days)

    assert answer.code == code
    assert "tls certificate of site plant-2" in answer.out


def test_expiries_come_soonest_first(storage: Storage) -> None:
    note(storage, "plant-2", timedelta(0))
    storage.status.upsert_entity(
        {
            "PartitionKey": "expiry",
            "RowKey": "default.secret",
            "expires_at": NOW + timedelta(days=3),
            "at": NOW,
        }
    )
    sites, endings = Sites(storage.status).all(), read_endings(storage.status)
    found = expiries(sites, endings, NOW + timedelta(days=4))

    assert [(one.what, one.seconds < 0) for one in found] == [
        ("secret of identity default", True),
        ("tls certificate of site plant-2", False),
    ]


def test_a_device_is_shown_whoever_knows_it(storage: Storage) -> None:
    seen = (DeviceSeen(name="ups"), DeviceSeen(name="erp", limit_hits=3))
    note(storage, "plant-2", timedelta(0), *seen)
    told = Sites(storage.status).devices(NOW)
    joined = join(told, {"plant-2/erp": Share(mails=5), "hq/old": Share(mails=1)})

    assert [(one.site, one.name, one.told is None) for one in joined] == [
        ("plant-2", "erp", False),
        ("hq", "old", True),
        ("plant-2", "ups", False),
    ]
    assert [one.told.limit_hits for one in joined if one.told] == [3, 0]
