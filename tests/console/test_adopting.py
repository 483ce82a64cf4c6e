"""Strangers on the page Devices, and what becomes of them."""

from pathlib import Path

from argon2 import PasswordHasher

from edge.settings_file import load
from edge.sightings import Sightings
from handoff.audit import noted
from handoff.storage import Storage
from tests.console.conftest import ADDRESS, Open


def form_of(token: str) -> dict[str, str]:
    return {"token": token, "address": ADDRESS, "name": "hp", "send_as": "hp@contoso.com"}


def test_a_stranger_becomes_a_device_whose_password_is_shown_once(
    open_site: Open, learnt: Path, storage: Storage
) -> None:
    site = open_site(environment={"EDGE_CONFIG": str(learnt)})
    before = site.get("/devices").text
    form = form_of(site.token("/devices")) | {"password": "yes", "recipients": "*@contoso.com"}
    done = site.post("/devices/adopt", form).text
    after = site.get("/devices").text
    again = site.post("/devices/adopt", form | {"name": "hp2"})
    device = load(learnt, {}).devices[1]
    password = done.partition('class="secret">')[2].partition("<")[0]

    assert "HP-4200" in before
    assert "contoso.com, x.org" in before
    assert "1 address</span>" in before
    assert [str(network) for network in device.networks] == [f"{ADDRESS}/32"]
    assert device.recipients == ("*@contoso.com",)
    assert device.password_hash is not None
    assert PasswordHasher().verify(device.password_hash, password)
    assert password not in after
    assert ADDRESS not in after.partition("Not known yet")[2]
    assert (again.status_code, "adopted it already" in again.text) == (422, True)
    assert [(row.action, row.mails) for row in noted(storage.status)][-1] == ("adopt", ("hp",))


def test_what_the_edge_would_not_take_is_never_written(open_site: Open, learnt: Path) -> None:
    site = open_site(environment={"EDGE_CONFIG": str(learnt)})
    before = learnt.read_text("utf-8")
    token = site.token("/devices")
    answers = [
        site.post("/devices/adopt", form_of(token) | changes)
        for changes in (
            {"name": "scanner"},
            {"name": ""},
            {"send_as": "nobody"},
            {"address": "10.9.9.9"},
            {"token": "0" * 64},
        )
    ]

    assert [answer.status_code for answer in answers] == [422, 422, 422, 422, 403]
    assert learnt.read_text("utf-8") == before


def test_where_it_may_not_write_it_says_what_to_type(
    open_site: Open, learnt: Path, tmp_path: Path
) -> None:
    settings = {
        "EDGE_STORAGE__CONNECTION_STRING": "UseDevelopmentStorage=true",
        "EDGE_SPOOL__DIRECTORY": str(tmp_path / "spool"),
    }
    site = open_site(environment=settings)
    page = site.get("/devices").text
    forged = site.post("/devices/adopt", form_of("0" * 64))

    assert f"relay device adopt {ADDRESS} --name NAME" in page
    assert forged.status_code == 403


def test_limit_hits_are_counted_by_device() -> None:
    sightings = Sightings()
    sightings.limited("erp")
    sightings.limited("erp")

    assert [sightings.limit_hits(name) for name in ("erp", "ups")] == [2, 0]
