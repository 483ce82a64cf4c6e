"""The pages Health and Settings over plain HTTP: checks on request, a test mail, no secret."""

import time
from pathlib import Path

import pytest
import requests

from console.doctor.rounds import first_to_fix
from console.masked import masked, sections_of
from edge.settings_file import load
from handoff.findings import Finding
from handoff.shown_settings import ShownSettings, show_settings
from handoff.storage import Storage
from local.graph_simulator.client import SimulatorClient
from tests.builders import NOW
from tests.console.conftest import Open
from tests.console.site import Site
from tests.edge.door import PASSWORD
from tests.edge.program import config


def page_once(site: Site, path: str, text: str, seconds: float = 40) -> requests.Response:
    """The page when it has `text` in it."""
    give_up_at = time.monotonic() + seconds
    while text not in (page := site.get(path)).text:
        assert time.monotonic() < give_up_at, page.text
        time.sleep(0.1)
    return page


def test_the_first_failure_is_the_first_thing_to_fix() -> None:
    ok, warning = Finding("L01", "a", "ok", ""), Finding("L05", "b", "warn", "")
    failure, later = Finding("N02", "c", "fail", ""), Finding("S01", "d", "fail", "")

    assert first_to_fix([ok, warning, failure, later]) == failure
    assert first_to_fix([ok, warning]) == warning
    assert first_to_fix([ok]) is None


@pytest.mark.usefixtures("function_app")
def test_a_relay_that_is_well_is_checked_and_takes_a_test_mail(
    open_site: Open, file: Path, graph: SimulatorClient
) -> None:
    site = open_site(environment={"EDGE_CONFIG": str(file)})
    token = site.token("/health")
    site.post("/health/checks", {"token": token})
    checked = page_once(site, "/health", "It may send from scan@contoso.com.")
    form = {"token": token, "to": "ann@contoso.com", "listener": "submission"}
    wrong = site.post("/health/mails", form | {"user": "scanner", "password": "wrong-pass"})
    sent = site.post("/health/mails", form | {"user": "scanner", "password": PASSWORD})
    page = page_once(site, sent.url.removeprefix(site.address), "badge sent")

    assert "The identity gets a token" in checked.text
    assert "535 5.7.8" in wrong.text
    assert "wrong-pass" not in wrong.text
    assert [name in page.text for name in ("accepted", "queued", "picked up")] == [True] * 3
    assert [mail.subject for mail in graph.mails()] == ["Test of the mail relay"]


def test_what_fails_first_is_told_with_its_remedy(
    open_site: Open, tmp_path: Path, mail_account: str
) -> None:
    file = config(tmp_path, mail_account)
    site = open_site(environment={"EDGE_CONFIG": str(file)})
    token = site.token("/health")
    site.post("/health/checks", {"token": token, "identity": "no such name!"})
    page = page_once(site, "/health", "First thing to fix: L02 spool")
    closed = site.post("/health/mails", {"token": token, "to": "a@x.org"})
    nobody = site.post("/health/mails", {"token": token, "to": " , "})
    forged = site.post("/health/mails", {"token": token, "to": "a@x.org", "from": "a\r\nRSET"})

    assert "install -d -m 700" in page.text
    assert "is no name of an identity" in page.text
    assert "The edge did not take it" in closed.text
    assert "Name somebody" in nobody.text
    assert "The edge did not take it" in forged.text


def test_forms_of_others_start_nothing(open_site: Open) -> None:
    site = open_site()
    answers = [
        site.post(path, {"token": "0" * 64, "to": "a@x.org"})
        for path in ("/health/checks", "/health/mails")
    ]

    assert [answer.status_code for answer in answers] == [403, 403]
    assert "Not checked yet" in site.get("/health").text


def test_without_an_edge_the_page_says_what_to_type(open_site: Open) -> None:
    site = open_site()

    assert "relay send-test" in site.get("/health").text
    assert "--config edge.toml" in site.get("/settings").text
    form = {"token": site.token("/health"), "to": "a@x.org"}
    assert site.post("/health/mails", form).status_code == 400


def test_settings_show_no_secret(
    open_site: Open, tmp_path: Path, mail_account: str, storage: Storage
) -> None:
    values = {"RELAY_CLOUD": "usgov", "RELAY_SEALING_KEY": "********"}
    show_settings(ShownSettings(NOW, values), storage.status)
    file = config(tmp_path, mail_account)
    text = open_site(environment={"EDGE_CONFIG": str(file)}).get("/settings").text

    assert "plant-2" in text
    assert "127.0.0.1:0" in text
    assert "scan@contoso.com" in text
    assert "usgov" in text
    assert "argon2id" not in text
    assert "AccountKey" not in text
    assert "dGVzdA==" not in text


def test_settings_that_do_not_hold_say_why(open_site: Open, tmp_path: Path) -> None:
    file = tmp_path / "edge.toml"
    file.write_text("[spool]\nmax_bites = 1\n")
    site = open_site(environment={"EDGE_CONFIG": str(file)})

    assert "max_bites" in site.get("/settings").text
    assert site.get("/health").status_code == 200


def test_a_signature_in_an_address_is_masked_and_what_is_usual_is_known(tmp_path: Path) -> None:
    file = tmp_path / "edge.toml"
    file.write_text(
        """
        site = "a"
        [storage]
        account_url_queue = "https://x.queue.core.windows.net?sv=1&sig=abc%3D&se=2"
        account_url_blob = "https://user:pass@x.blob.core.windows.net"
        """
    )
    settings = load(file, {})
    sections = dict(sections_of(settings))
    is_usual = {one.name: one.is_usual for one in sections["edge"]}

    storage = masked(settings)["storage"]
    assert [storage["account_url_queue"], storage["account_url_blob"]] == [
        "https://x.queue.core.windows.net?sv=1&sig=********&se=2",
        "https://********@x.blob.core.windows.net",
    ]
    assert (is_usual["site"], is_usual["acknowledge"]) == (False, True)
    assert all(one.is_usual for one in sections["limits"])
