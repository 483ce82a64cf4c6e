"""The web console over plain HTTP: what it shows, what it refuses, who gets in."""

import csv
import io
from datetime import timedelta
from pathlib import Path

import pytest

from edge.credentials import hash_password
from handoff.audit import noted
from handoff.delivery import State
from handoff.ids import new_id
from handoff.ledger import Ledger
from handoff.storage import Storage
from tests.builders import MAIL
from tests.console.conftest import Open, Relay
from tests.console.past import Past
from tests.console.site import Site

MINUTE = timedelta(minutes=1)
PAGES = (
    "/",
    "/?span=1h",
    "/?span=7d",
    "/deliveries",
    "/failed",
    "/devices",
    "/health",
    "/settings",
)


@pytest.fixture
def site(open_site: Open) -> Site:
    return open_site()


def a_dead(past: Past, **changes: str) -> str:
    return past.mail(MINUTE, State.DEAD, "ErrorInvalidUser", "No such mailbox.", **changes).id


@pytest.mark.parametrize("path", PAGES)
def test_every_page_stands_without_any_mail(site: Site, path: str) -> None:
    answer = site.get(path)

    assert answer.status_code == 200
    assert "<h1" in answer.text
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_overview_says_in_one_sentence_how_it_is(past: Past, site: Site) -> None:
    past.mails([2 * MINUTE, 3 * MINUTE])
    a_dead(past)
    text = site.get("/").text

    assert "Delivering, but 1 mail died in the last hour." in text
    assert "3 mails accepted in the last hour, 2 sent." in text
    assert text.count("<svg") == 2


def test_a_search_is_a_page_and_a_file(past: Past, site: Site) -> None:
    erp = past.mail(2 * MINUTE, device="erp")
    ups = past.mail(3 * MINUTE, device="ups")
    page, file = site.search("device:erp"), site.get("/deliveries.csv?q=device:erp")

    assert erp.id in page
    assert ups.id not in page
    assert file.headers["Content-Type"].startswith("text/csv")
    assert len(list(csv.reader(io.StringIO(file.text)))) == 2
    assert "there are from, to" in site.get("/deliveries?q=stat:x").text
    assert site.get("/deliveries.csv?q=stat:x").status_code == 400


def test_older_pages_follow(past: Past, site: Site) -> None:
    rows = past.mails([n * MINUTE for n in range(1, 121)])
    first = site.get("/deliveries").text
    cursor = first.partition("?older=")[2].partition('"')[0]
    second = site.get(f"/deliveries?older={cursor}").text

    links = [[f'/messages/{row.id}"' in page for row in rows] for page in (first, second)]

    assert [sum(of_page) for of_page in links] == [50, 50]
    assert not any(map(all, zip(*links, strict=True)))
    assert "every 5s" in first
    assert "every 5s" not in second


def test_an_id_leads_to_its_message(past: Past, site: Site) -> None:
    mail = past.mail(MINUTE, State.DEFERRED, "AADSTS7000215", "The client secret is wrong.")
    page = site.get(f"/deliveries?q={mail.id.lower()}")

    assert page.url.endswith(f"/messages/{mail.id}")
    assert "az ad app credential reset" in page.text
    assert "10.0.8.21" in page.text


def test_a_message_that_nobody_knows_is_explained(past: Past, site: Site) -> None:
    unknown = site.get(f"/messages/{new_id(past.now - 60 * MINUTE)}")

    assert unknown.status_code == 404
    assert "spool" in unknown.text
    assert site.get("/messages/x").status_code == 404
    assert site.get("/nowhere").status_code == 404


def test_a_dead_letter_shows_its_header_and_is_downloaded_not_shown(past: Past, site: Site) -> None:
    mail_id = a_dead(past)
    file = site.get(f"/messages/{mail_id}.eml")

    assert "Scanner &lt;scan@contoso.com&gt;" in site.get(f"/messages/{mail_id}").text
    assert file.content == MAIL
    assert file.headers["Content-Type"] == "application/octet-stream"
    assert file.headers["Content-Disposition"].startswith("attachment")
    assert site.get(f"/messages/{new_id(past.now)}.eml").status_code == 404


def test_text_from_outside_is_text(past: Past, site: Site) -> None:
    hostile = '"<script>alert(1)</script>'
    mail = past.mail(MINUTE, State.DEAD, "x", hostile, sender=f"{hostile}@x.org")
    for path in ("/", "/deliveries", f"/messages/{mail.id}", "/failed", f"/deliveries?q={hostile}"):
        assert "<script>alert" not in site.get(path).text


def test_a_redrive_asks_does_and_is_written_down(past: Past, site: Site, storage: Storage) -> None:
    first, second = a_dead(past), a_dead(past)
    form = {"token": site.token(), "action": "redrive", "code": "ErrorInvalidUser"}
    asked = site.post("/act", form)

    assert "Redrive 2 mails?" in asked.text
    assert storage.outbound.get_queue_properties().approximate_message_count == 0

    done = site.post("/act", form | {"sure": "yes", "id": [first, second]})

    assert "2 mails put back into the queue." in done.text
    assert storage.outbound.get_queue_properties().approximate_message_count == 2
    assert noted(storage.status)[0].action == "redrive"
    assert noted(storage.status)[0].who != ""


def test_a_discard_of_one_mail_ends_at_its_page(past: Past, site: Site, storage: Storage) -> None:
    mail_id = a_dead(past)
    form = {"token": site.token(), "action": "discard", "id": mail_id, "sure": "yes"}
    done = site.post("/act", form)
    row = Ledger(storage.deliveries).find(mail_id)

    assert done.url.endswith(mail_id)
    assert row is not None
    assert row.state is State.DISCARDED
    assert "not: there is no dead letter" in site.post("/act", form).text


@pytest.mark.parametrize(
    ("changes", "headers", "status"),
    [
        ({"token": ""}, {}, 403),
        ({"token": "0" * 64}, {}, 403),
        ({}, {"Origin": "https://evil.example"}, 403),
        ({"action": "format"}, {}, 400),
    ],
    ids=["no token", "another token", "another origin", "no action"],
)
def test_a_form_that_is_not_ours_does_nothing(
    past: Past,
    site: Site,
    storage: Storage,
    changes: dict[str, str],
    headers: dict[str, str],
    status: int,
) -> None:
    mail_id = a_dead(past)
    form = {"token": site.token(), "action": "discard", "id": mail_id, "sure": "yes"} | changes
    answer = site.post("/act", form, headers=headers)
    row = Ledger(storage.deliveries).find(mail_id)

    assert answer.status_code == status
    assert row is not None
    assert row.state is State.DEAD


def test_no_other_name_reaches_an_open_console(site: Site) -> None:
    port = site.address.rpartition(":")[2]
    rebound = site.get("/", headers={"Host": f"evil.example:{port}"})
    local = site.get("/", headers={"Host": f"localhost:{port}"})

    assert (rebound.status_code, local.status_code) == (403, 200)


@pytest.mark.parametrize("form", ["clear", "hash"])
def test_a_password_lets_in_and_nothing_else_does(
    open_site: Open, tmp_path: Path, form: str
) -> None:
    secret = "correct horse"
    (tmp_path / "password").write_text(secret if form == "clear" else hash_password(secret))
    site = open_site("--password-file", str(tmp_path / "password"))

    assert site.get("/deliveries").url.endswith("/sign-in")
    assert site.post("/sign-in", {"password": "wrong"}).status_code == 403
    assert site.get("/failed", cookies={"relay_session": "9999999999.00"}).url.endswith("/sign-in")

    entered = site.post("/sign-in", {"password": secret})

    assert site.get("/deliveries").url.endswith("/deliveries")
    assert "HttpOnly" in entered.history[0].headers["Set-Cookie"]
    assert "SameSite=Strict" in entered.history[0].headers["Set-Cookie"]


def test_passwords_are_not_tried_for_ever(open_site: Open, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("correct horse")
    site = open_site("--password-file", str(tmp_path / "password"))
    tries = [site.post("/sign-in", {"password": "wrong"}).status_code for _ in range(11)]

    assert tries == [403] * 10 + [429]
    assert site.post("/sign-in", {"password": "correct horse"}).status_code == 429


def test_a_proxy_that_is_trusted_names_the_user(open_site: Open) -> None:
    named = {"X-Forwarded-User": "eve@contoso.com"}
    trusted = open_site("--user-header", "X-Forwarded-User", "--trusted-proxy", "127.0.0.1/32")
    other = open_site("--user-header", "X-Forwarded-User", "--trusted-proxy", "10.0.0.0/8")

    assert "eve@contoso.com" in trusted.get("/", headers=named).text
    assert trusted.get("/").status_code == 403
    assert other.get("/", headers=named).status_code == 403


def test_metrics_need_a_token_where_pages_need_a_password(
    open_site: Open, tmp_path: Path, past: Past
) -> None:
    past.mails([2 * MINUTE, 3 * MINUTE])
    (tmp_path / "password").write_text("correct horse")
    (tmp_path / "token").write_text("0123456789abcdef\n")
    site = open_site(
        *("--password-file", str(tmp_path / "password")),
        *("--metrics-token-file", str(tmp_path / "token")),
    )
    nobody = site.get("/metrics")
    wrong = site.get("/metrics", headers={"Authorization": "Bearer 0123456789abcdeX"})
    right = site.get("/metrics", headers={"Authorization": "Bearer 0123456789abcdef"})
    elsewhere = site.get("/deliveries", headers={"Authorization": "Bearer 0123456789abcdef"})
    site.post("/sign-in", {"password": "correct horse"})

    assert (nobody.status_code, wrong.status_code, right.status_code) == (401, 401, 200)
    assert nobody.headers["WWW-Authenticate"] == "Bearer"
    assert 'relay_deliveries{state="sent",window="1h"} 2.0' in right.text
    assert elsewhere.url.endswith("/sign-in")
    assert site.get("/metrics").status_code == 200


def test_dead_letters_are_counted_once_a_minute_however_often_one_asks(
    site: Site, storage: Storage
) -> None:
    told = []
    for name in ("first", "second"):
        storage.dead_letters.upload_blob(f"{name}.json", b"{}")
        told += [
            line
            for line in site.get("/metrics").text.splitlines()
            if line.startswith("relay_dead_")
        ]

    assert told == ["relay_dead_letters 1.0", "relay_dead_letters 1.0"]


def test_metrics_are_open_where_the_pages_are(site: Site) -> None:
    port = site.address.rpartition(":")[2]
    rebound = site.get("/metrics", headers={"Host": f"evil.example:{port}"})

    assert site.get("/metrics").headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert rebound.status_code == 401


def test_a_short_token_is_none(relay: Relay, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("short")
    answer = relay("console", "--port", "0", "--metrics-token-file", str(tmp_path / "token"))

    assert answer.code == 2
    assert "16 characters" in answer.talk


@pytest.mark.parametrize(
    "arguments",
    [
        ("--host", "0.0.0.0"),
        ("--user-header", "X-User"),
        ("--trusted-proxy", "10.0.0.0/8"),
        ("--password-file", "/nowhere"),
    ],
    ids=" ".join,
)
def test_a_console_that_anybody_could_enter_does_not_open(
    relay: Relay, arguments: tuple[str, ...]
) -> None:
    answer = relay("console", "--port", "0", *arguments)

    assert answer.code == 2
    assert answer.out == ""


def test_a_port_that_is_taken_is_one_sentence(relay: Relay, site: Site) -> None:
    answer = relay("console", "--port", site.address.rpartition(":")[2])

    assert answer.code == 1
    assert "address already in use" in answer.talk


def test_a_storage_account_out_of_reach_is_a_page(mail_account: str) -> None:
    parts = dict(part.split("=", 1) for part in mail_account.rstrip(";").split(";"))
    parts["TableEndpoint"] = "http://127.0.0.1:9/x"
    site = Site(";".join("=".join(part) for part in parts.items()))
    answer = site.get("/deliveries")
    site.close()

    assert answer.status_code == 502
    assert "storage account" in answer.text
    assert parts["AccountKey"] not in answer.text


def test_it_ends_when_told(site: Site) -> None:
    assert site.child.stop(10) == 0
