"""What goes wrong in the simulator on demand, what it writes down, and the program itself."""

import signal
import subprocess
import sys
from typing import Any

import pytest
import requests

from local.child import Child
from local.graph_simulator.client import SimulatorClient
from tests.builders import MAIL
from tests.fixtures.graph import GraphMailbox

COMMAND = [sys.executable, "-m", "local.graph_simulator", "--port", "0"]


def test_faults_come_in_order_and_end(graph: SimulatorClient, mailbox: GraphMailbox) -> None:
    busy = {"error": {"code": "ErrorServerBusy", "message": "x"}}
    graph.fail(
        {"route": "sendMail", "status": 503, "headers": {"Retry-After": "7"}, "body": "<html>"},
        {"route": "sendMail", "status": 503, "body": busy},
        {"route": "sendMail", "status": 504, "take": True},
        {"route": "sendMail", "mailbox": "other@contoso.com", "status": 500},
        {"route": "token", "status": 500},
    )
    html, as_json, taken, usual = (mailbox.send() for _ in range(4))

    assert (503, "<html>", "7") == (html.status_code, html.text, html.headers["Retry-After"])
    assert "text/html" in html.headers["Content-Type"]
    assert (503, busy) == (as_json.status_code, as_json.json())
    assert (504, b"", 202) == (taken.status_code, taken.content, usual.status_code)
    assert 2 == len(graph.mails())
    assert 2 == len(graph.state()["faults"])


def test_the_nth_call_can_fail_and_several_in_a_row(
    graph: SimulatorClient, mailbox: GraphMailbox
) -> None:
    graph.fail({"route": "sendMail", "after": 1, "times": 2, "status": 500})

    assert [202, 500, 500, 202] == [mailbox.send().status_code for _ in range(4)]


def test_a_fault_of_one_mailbox_leaves_others_alone(
    graph: SimulatorClient, mailbox: GraphMailbox
) -> None:
    graph.fail({"mailbox": "Fax@contoso.com", "status": 500})

    assert 202 == mailbox.send().status_code
    assert 500 == mailbox.send(user="fax@contoso.com").status_code


def test_success_may_ask_for_a_pause(graph: SimulatorClient, mailbox: GraphMailbox) -> None:
    graph.fail({"route": "sendMail", "status": 202, "take": True, "headers": {"Retry-After": "9"}})
    answer = mailbox.send()

    assert (202, "9") == (answer.status_code, answer.headers["Retry-After"])
    assert 1 == len(graph.mails())


@pytest.mark.parametrize("taken", [False, True])
def test_a_connection_can_be_reset(
    graph: SimulatorClient, mailbox: GraphMailbox, taken: bool
) -> None:
    graph.fail({"route": "sendMail", "reset": True, "take": taken})
    with pytest.raises(requests.ConnectionError):
        mailbox.send()

    assert taken == len(graph.mails())
    assert [0] == [call["status"] for call in graph.requests("/sendMail")]


def test_a_hanging_call_is_seen_and_can_be_left(
    graph: SimulatorClient, mailbox: GraphMailbox
) -> None:
    graph.fail({"route": "sendMail", "hang": True, "take": True})
    headers = {"Content-Type": "text/plain", **mailbox.session.headers}
    with pytest.raises(requests.Timeout):
        requests.post(f"{mailbox.user}/sendMail", data=b"eDogeQ==", headers=headers, timeout=0.5)

    assert [0] == [call["status"] for call in graph.requests("/sendMail")]
    assert 202 == mailbox.send().status_code


@pytest.mark.parametrize(
    ("how", "rule"), [("fault", {}), ("rule", {"delay": 0.3})], ids=["fault", "rule"]
)
def test_a_call_can_take_its_time(
    graph: SimulatorClient, mailbox: GraphMailbox, how: str, rule: dict[str, Any]
) -> None:
    graph.rule(**rule)
    if how == "fault":
        graph.fail({"route": "sendMail", "delay": 0.3})
    answer = mailbox.send()

    assert 202 == answer.status_code
    assert answer.elapsed.total_seconds() >= 0.3


@pytest.mark.parametrize(
    "fault", [{"colour": "red"}, {"route": "sendmail"}, {"status": "many"}, "no fault"]
)
def test_an_unknown_fault_is_refused(graph: SimulatorClient, fault: Any) -> None:
    with pytest.raises(ValueError, match="validation error"):
        graph.fail(fault)


@pytest.mark.parametrize("rule", [{"colour": "red"}, {"bare_lf": "eat"}, {"in_flight": "four"}])
def test_an_unknown_rule_is_refused_and_changes_nothing(
    graph: SimulatorClient, rule: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match=next(iter(rule))):
        graph.rule(**{"delay": 9.0} | rule)

    assert 0.0 == graph.state()["rules"]["delay"]


def test_every_call_is_written_down(graph: SimulatorClient, mailbox: GraphMailbox) -> None:
    first = mailbox.send(client_request_id="c-1")
    mailbox.get("nonsense")
    mailbox.send(MAIL.ljust(9_000_000, b"x"))
    requests.get(f"{graph.address}/elsewhere", timeout=30)
    token, *calls, other = graph.requests()

    assert 202 == first.status_code
    assert ("/msi/token", 200) == (token["path"], token["status"])
    assert [("POST", 202), ("GET", 400), ("POST", 413)] == [
        (call["method"], call["status"]) for call in calls
    ]
    assert "c-1" == calls[0]["client_request_id"]
    assert graph.mails()[0].app == calls[0]["app"]
    assert 1 == len({call["connection"] for call in calls})
    assert 404 == other["status"]
    assert calls[0]["connection"] != other["connection"] != 0


def test_reset_forgets_all_but_the_domains(graph: SimulatorClient, mailbox: GraphMailbox) -> None:
    mailbox.send()
    graph.fail({"status": 500})
    graph.rule(permissions=[], aliases=["x@contoso.com"])
    graph.reset()
    state = graph.state()

    assert ([], [], 0) == (graph.mails(), graph.requests(), len(state["faults"]))
    assert (["contoso.com"], []) == (state["rules"]["domains"], state["rules"]["aliases"])
    assert 401 == mailbox.send().status_code


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_program_prints_its_address_and_ends_when_told(number: signal.Signals) -> None:
    options = ["--domain", "a.example", "--domain", "b.example", "--identity-header", "other"]
    with Child([*COMMAND, *options]) as child:
        address = child.wait_for(lambda line: line.startswith("http://127.0.0.1:"), 20)
        with SimulatorClient(address) as client:
            rules, header = client.state()["rules"], client.identity_header
            client.fail({"route": "identity", "hang": True})
        child.send(number)

        assert 0 == child.wait(20)
    assert [address] == child.lines
    assert (["a.example", "b.example"], "other") == (rules["domains"], header)


def test_a_port_that_is_taken_ends_the_program(graph: SimulatorClient) -> None:
    port = graph.address.rpartition(":")[2]
    ended = subprocess.run(
        [*COMMAND[:-1], port], capture_output=True, text=True, timeout=30, check=False
    )

    assert (1, "") == (ended.returncode, ended.stdout)
    assert "cannot listen" in ended.stderr
