"""`relay doctor` and `relay send-test` against a relay that runs, and one that does not."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from console.commands.doctor import redacted
from console.doctor.network import check_network, hosts_of
from handoff.account import Account
from handoff.delivery import State
from handoff.findings import Finding
from local.graph_simulator.client import SimulatorClient
from tests.console.conftest import Answer, Relay
from tests.edge.door import PASSWORD
from tests.edge.program import config


def verdicts(answer: Answer) -> dict[str, str]:
    return {finding["id"]: finding["verdict"] for finding in answer.json}


@pytest.mark.usefixtures("function_app")
def test_a_relay_that_is_well_has_no_failed_check(relay: Relay, file: Path) -> None:
    answer = relay("doctor", "--config", str(file), "--json")

    assert answer.code == 0, answer.out
    # Where the tests run, temporary files may be in memory or in a container.
    found = verdicts(answer)
    assert {found[id_] for id_ in found.keys() - {"L07", "L08"}} == {"ok"}
    assert {"L01", "L04", "N02", "S03", "G01", "G02", "G03"} < verdicts(answer).keys()


@pytest.mark.usefixtures("function_app")
def test_a_mailbox_that_does_not_exist_is_found_before_any_mail(
    relay: Relay, graph: SimulatorClient
) -> None:
    graph.rule(missing=["gone@contoso.com"])
    answer = relay("doctor", "--mailbox", "gone@contoso.com")

    assert answer.code == 1
    assert "fail  G03 mailbox" in answer.out
    assert "Set send_as of the device" in answer.out
    assert "the first thing to fix: G03" in answer.talk
    assert graph.mails() == []


def test_a_function_app_that_does_not_run_is_told_after_the_wait(relay: Relay) -> None:
    answer = relay("doctor", "--mailbox", "a@contoso.com", "--wait", "1", "--json")

    assert answer.code == 1
    assert verdicts(answer)["G01"] == "fail"
    assert (verdicts(answer)["G02"], verdicts(answer)["G03"]) == ("skip", "skip")


def test_an_edge_that_does_not_run_and_settings_that_do_not_hold(
    relay: Relay, tmp_path: Path, mail_account: str
) -> None:
    file = config(tmp_path, mail_account)
    stopped = relay("doctor", "--config", str(file), "--wait", "0", "--json")
    file.write_text("[spool]\nmax_bites = 1\n")
    broken = relay("doctor", "--config", str(file), "--wait", "0", "--json")

    assert (verdicts(stopped)["L01"], verdicts(stopped)["L03"]) == ("ok", "fail")
    assert verdicts(broken)["L01"] == "fail"
    assert broken.code == 1


def test_a_storage_account_without_its_tables_is_named(relay: Relay, storage: Any) -> None:
    storage.status.delete_table()
    answer = relay("doctor", "--json")
    (table,) = [finding for finding in answer.json if finding["id"] == "S02"]

    assert (table["verdict"], verdicts(answer)["S04"]) == ("fail", "skip")
    assert "deploy the infrastructure" in table["fix"]


def test_a_name_that_is_no_host_stops_the_checks_of_the_line() -> None:
    account = Account(queue_url="https://x.invalid", blob_url="https://y.invalid")
    found = list(check_network(account, datetime.now(UTC)))

    assert [(one.id, one.verdict) for one in found] == [
        ("N01", "fail"),
        ("N04", "skip"),
        ("N02", "skip"),
        ("N03", "skip"),
    ]


def test_a_clock_that_is_off_is_told(mail_account: str) -> None:
    account = Account(connection_string=mail_account)
    *_, clock = check_network(account, datetime.now(UTC) + timedelta(minutes=20))

    assert (clock.id, clock.verdict) == ("N03", "fail")


def test_the_hosts_are_those_of_the_connection_string() -> None:
    account = Account(connection_string="AccountName=abc;AccountKey=x;EndpointSuffix=core.example")

    assert [place.hostname for place in hosts_of(account)] == [
        "abc.queue.core.example",
        "abc.blob.core.example",
        "abc.table.core.example",
    ]


def test_what_is_redacted_names_nobody() -> None:
    text = "a@contoso.com at stx.queue.core.windows.net, 10.0.8.21"
    found = redacted(Finding("N01", "names", "fail", text, fix=text))

    assert (found.text, found.fix) == ("(address) at (host), (ip)",) * 2


@pytest.mark.usefixtures("function_app")
@pytest.mark.parametrize("listener", ["lan", "submission"])
def test_a_test_mail_goes_through_the_real_door(
    relay: Relay, file: Path, tmp_path: Path, graph: SimulatorClient, listener: str
) -> None:
    (tmp_path / "password").write_text(PASSWORD)
    sign_in = ("--user", "scanner", "--password-file", str(tmp_path / "password"))
    answer = relay(
        *("send-test", "--to", "ann@contoso.com", "--listener", listener, "--config", str(file)),
        *(sign_in if listener == "submission" else ()),
    )

    assert answer.code == 0, answer.talk
    (mail,) = graph.mails()
    assert mail.subject == "Test of the mail relay"
    assert [line.split()[0] for line in answer.out.splitlines()] == [
        *("accepted", "queued", "picked", "sent"),
        "Sent:",
    ]


@pytest.mark.usefixtures("function_app")
def test_a_test_mail_that_dies_ends_with_1(
    relay: Relay, file: Path, graph: SimulatorClient
) -> None:
    graph.rule(missing=["scan@contoso.com"])
    answer = relay(
        "send-test", "--to", "ann@contoso.com", "--listener", "lan", "--config", str(file), "--json"
    )

    assert answer.code == 1
    assert answer.json["mail"]["state"] == State.DEAD


def test_a_door_that_is_closed_is_one_sentence(
    relay: Relay, tmp_path: Path, mail_account: str
) -> None:
    file = str(config(tmp_path, mail_account))
    closed = relay("send-test", "--to", "a@x.org", "--listener", "lan", "--config", file)
    unknown = relay("send-test", "--to", "a@x.org", "--listener", "none", "--config", file)

    assert (closed.code, unknown.code) == (1, 2)
    assert closed.talk.count("\n") == 1


def test_settings_are_shown_without_their_secrets(
    relay: Relay, tmp_path: Path, mail_account: str
) -> None:
    file = str(config(tmp_path, mail_account))
    checked, shown = (
        relay("config", "check", "--config", file),
        relay("config", "show", "--config", file),
    )

    assert checked.code == 0
    assert "1 devices" in checked.out
    assert "AccountKey" not in shown.out
    assert "argon2id" not in shown.out
    assert shown.json["devices"][0]["password_hash"] == "********"
    assert shown.json["limits"]["recipients"] == 500
    assert "silent_after" in relay("config", "schema").out
