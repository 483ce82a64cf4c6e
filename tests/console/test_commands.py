"""The command `relay`, as a process: what it prints, and its exit codes."""

import csv
import io
import json
from datetime import timedelta
from pathlib import Path

import pytest

from console.reading.life import read_life
from handoff.audit import noted
from handoff.delivery import State
from handoff.ids import new_id
from handoff.ledger import Ledger
from handoff.storage import Storage
from tests.builders import MAIL
from tests.console.conftest import Relay
from tests.console.past import CLIENT, Past
from tests.console.test_sites import note

MINUTE = timedelta(minutes=1)
NO_MAILBOX = "The sending mailbox does not exist under this address."


def test_log_lists_newest_first_in_three_forms(past: Past, relay: Relay) -> None:
    sent = past.mail(3 * MINUTE)
    dead = past.mail(2 * MINUTE, State.DEAD, "ErrorInvalidUser", NO_MAILBOX, sender="=cmd@x.org")
    table, as_json, as_csv = relay("log"), relay("log", "--json"), relay("log", "--csv")

    assert [answer.code for answer in (table, as_json, as_csv)] == [0, 0, 0]
    assert table.out.index(dead.id) < table.out.index(sent.id)
    assert "\x1b" not in table.out
    assert [line["id"] for line in as_json.json] == [dead.id, sent.id]
    head, first, _ = csv.reader(io.StringIO(as_csv.out))
    assert dict(zip(head, first, strict=True))["code"] == "ErrorInvalidUser"
    assert dict(zip(head, first, strict=True))["reverse_path"] == "'=cmd@x.org"


def test_log_takes_a_search_and_refuses_nonsense(past: Past, relay: Relay) -> None:
    past.mail(3 * MINUTE)
    ups = past.mail(2 * MINUTE, device="ups 2")
    found, wrong = relay("log", "device:ups 2", "--json"), relay("log", "state:gone")

    assert [line["id"] for line in found.json] == [ups.id]
    assert (wrong.code, wrong.out) == (2, "")
    assert "none of" in wrong.talk


def test_why_tells_the_life_of_a_mail(past: Past, relay: Relay) -> None:
    mail = past.mail(MINUTE, State.DEFERRED, "AADSTS7000215", "The client secret is wrong.")
    answer = relay("why", mail.id)

    assert answer.code == 0
    assert "Waiting (AADSTS7000215)" in answer.out
    assert "from 10.0.8.21; listener lan, TLSv1.3" in answer.out
    assert "known by its login" in answer.out
    assert "Attempt 1 began." in answer.out
    assert "az ad app credential reset" in answer.out
    assert "client-request-id" in answer.out


@pytest.mark.parametrize("what", ["<one@contoso.com>", "bob@x.org", "erp"])
def test_why_finds_a_mail_by_what_people_know_of_it(past: Past, relay: Relay, what: str) -> None:
    past.mail(2 * MINUTE, to=("bob@x.org",), device="erp")
    newest = past.mail(MINUTE, to=("bob@x.org",), device="erp")
    answer = relay("why", what, "--json")

    assert answer.json["mail"]["id"] == newest.id
    assert len(answer.json["others"]) == 1


def test_why_says_what_it_means_that_a_mail_is_unknown(past: Past, relay: Relay) -> None:
    answer, nothing = relay("why", new_id(past.now)), relay("why", "nobody@x.org")

    assert (answer.code, nothing.code) == (1, 1)
    assert "spool" in answer.talk
    assert "nobody@x.org" in nothing.talk


def test_dead_letters_are_listed_shown_and_exported(
    past: Past, relay: Relay, tmp_path: Path
) -> None:
    mail = past.mail(MINUTE, State.DEAD, "ErrorInvalidUser", NO_MAILBOX)
    past.mail(MINUTE, State.DEAD, "too-large", "Too large.")
    listed, shown = relay("dead", "list", "--json"), relay("dead", "show", mail.id)
    file = tmp_path / "mail.eml"
    exported, again = (relay("dead", "export", mail.id, "--to", str(file)) for _ in range(2))

    assert {group["code"]: len(group["letters"]) for group in listed.json} == {
        "ErrorInvalidUser": 1,
        "too-large": 1,
    }
    assert NO_MAILBOX in shown.out
    assert (exported.code, again.code) == (0, 1)
    assert file.read_bytes() == MAIL
    assert relay("dead", "show", "nothing").code == 1


def test_dead_letters_are_redriven_by_reason_and_only_when_it_is_meant(
    past: Past, relay: Relay, storage: Storage
) -> None:
    first = past.mail(MINUTE, State.DEAD, "ErrorInvalidUser", NO_MAILBOX)
    other = past.mail(MINUTE, State.DEAD, "too-large", "Too large.")
    by_code = ("dead", "redrive", "--code", "ErrorInvalidUser")
    unsure, done, nobody = relay(*by_code), relay(*by_code, "--yes"), relay(*by_code, "--yes")

    assert (unsure.code, done.code, nobody.code) == (2, 0, 1)
    assert "Send 1 mail after all?" in unsure.talk
    assert first.id in done.out
    assert other.id not in done.out
    assert storage.outbound.get_queue_properties().approximate_message_count == 1
    assert relay("dead", "redrive").code == 2


def test_dead_letters_are_discarded(past: Past, relay: Relay, storage: Storage) -> None:
    mail = past.mail(MINUTE, State.DEAD, "too-large", "Too large.")
    done = relay("dead", "discard", mail.id, "--yes", "--json")
    row = Ledger(storage.deliveries).find(mail.id)

    assert done.json == {mail.id: "done"}
    assert row is not None
    assert row.state is State.DISCARDED

    (written,) = noted(storage.status)

    assert (written.action, written.mails) == ("discard", (mail.id,))
    assert "@" in written.who


def test_why_names_the_rule_and_the_request_that_failed(storage: Storage) -> None:
    client = CLIENT.model_copy(update={"rule": "devices[].networks 10.0.8.0/24"})
    mail = Past(storage).mail(
        MINUTE, State.DEFERRED, "ErrorAccessDenied", "No.", client=client, request_id="request-9"
    )
    life = read_life(storage, mail.id)

    assert life is not None
    assert "(devices[].networks 10.0.8.0/24)" in life.stations[0].text
    assert "No. Request id request-9." in [station.text for station in life.stations]


def test_stats_count_by_device(past: Past, relay: Relay, storage: Storage) -> None:
    note(storage, "plant-2", timedelta(hours=1))
    past.mails([MINUTE, 2 * MINUTE], device="erp")
    past.mail(3 * MINUTE, State.DEAD, "too-large", "Too large.", device="ups")
    table, as_json = relay("stats"), relay("stats", "--last", "7d", "--json")

    assert "Last 24h: 3 mails" in table.out
    assert "dead      1 (33.3%)" in table.out
    assert as_json.json["figures"]["devices"]["plant-2/erp"]["sent"] == 2
    assert "plant-2 silent, since" in table.out
    assert as_json.json["sites"][0]["seconds"] == 0


def test_settings_that_do_not_hold_end_with_4(relay: Relay, tmp_path: Path) -> None:
    (tmp_path / "edge.toml").write_text("[storage]\n")
    none = relay("log", MailStorage="")
    wrong = relay("log", "--config", str(tmp_path / "edge.toml"))

    assert (none.code, wrong.code) == (4, 4)
    assert "set MailStorage" in none.talk
    assert "connection_string" in wrong.talk


def test_a_storage_account_out_of_reach_is_one_sentence(relay: Relay, mail_account: str) -> None:
    parts = dict(part.split("=", 1) for part in mail_account.rstrip(";").split(";"))
    parts["TableEndpoint"] = "http://127.0.0.1:9/x"
    answer = relay("log", MailStorage=";".join("=".join(part) for part in parts.items()))

    assert answer.code == 1
    assert answer.talk.count("\n") == 1
    assert parts["AccountKey"] not in answer.talk


def test_the_settings_of_the_edge_name_the_account(
    past: Past, relay: Relay, tmp_path: Path, mail_account: str
) -> None:
    mail = past.mail()
    file = tmp_path / "edge.toml"
    file.write_text(f"[storage]\nconnection_string = {json.dumps(mail_account)}\n")
    answer = relay("log", "--json", MailStorage="", EDGE_CONFIG=str(file))

    assert [line["id"] for line in answer.json] == [mail.id]


def test_text_from_outside_cannot_steer_a_terminal(past: Past, relay: Relay) -> None:
    past.mail(MINUTE, State.DEAD, "x", "red \x1b[31m alert", sender="a@x.org")
    answer = relay("why", "a@x.org")

    assert "\x1b" not in answer.out
