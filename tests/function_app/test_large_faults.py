"""A large mail while things go wrong: it arrives once and whole, and no draft stays."""

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from function_app.means import Means
from function_app.outcome import Sent
from handoff.ledger import State
from local.graph_simulator.client import SimulatorClient
from tests.function_app.desk import Desk, delivered
from tests.function_app.large_mails import (
    CREATE,
    DELETE,
    MAIL,
    OCTETS,
    OPEN,
    PUT,
    SEND,
    check_arrived_once,
    fingerprint,
    fingerprint_of,
    mail_with,
    methods,
    octets_of,
    slow_down,
)
from tests.function_app.letters import composed

MeansOf = Callable[..., Means]
AT_ONCE = {"status": 503, "headers": {"Retry-After": "0"}}


PASSING: dict[str, tuple[dict[str, Any], list[str]]] = {
    "a fault": ({"route": "upload", "after": 1, "status": 503}, [PUT] * 4),
    "a fault of the last": ({"route": "upload", "after": 2, "status": 504}, [PUT] * 4),
    "no answer": ({"route": "upload", "after": 1, "reset": True}, [PUT] * 4),
    "taken without an answer": (
        {"route": "upload", "after": 1, "reset": True, "take": True},
        [PUT, PUT, PUT, OPEN, PUT, PUT, PUT],
    ),
    "an expired session": (
        {"route": "upload", "after": 1, "status": 404}, [PUT, PUT, OPEN, PUT, PUT, PUT],
    ),
    "a refused range": (
        {"route": "upload", "after": 1, "status": 416}, [PUT, PUT, OPEN, PUT, PUT, PUT],
    ),
    "throttled": ({"route": "upload", "after": 1} | slow_down(0), [PUT] * 4),
    "throttled at first": ({"route": "messages"} | slow_down(0), [CREATE, OPEN, PUT, PUT, PUT]),
    "no session at first": ({"route": "session", "status": 500}, [OPEN, PUT, PUT, PUT]),
}  # fmt: skip


@pytest.mark.parametrize(("fault", "calls"), PASSING.values(), ids=PASSING)
def test_what_passes_is_waited_out(
    desk: Desk,
    graph: SimulatorClient,
    means_of: MeansOf,
    fault: dict[str, Any],
    calls: list[str],
) -> None:
    graph.fail(fault)
    row = delivered(desk, means_of(), desk.a_ticket_with_blob(MAIL))

    assert (State.SENT, 1) == (row.state, row.attempts)
    assert [*calls, SEND] == methods(graph)[-len(calls) - 1 :]
    check_arrived_once(graph)


def test_a_pause_that_is_asked_for_is_made(
    desk: Desk, graph: SimulatorClient, means_of: MeansOf
) -> None:
    graph.fail({"route": "upload", "after": 1} | slow_down(3))
    began = time.monotonic()
    delivered(desk, means_of(), desk.a_ticket_with_blob(MAIL))

    assert time.monotonic() - began > 3
    check_arrived_once(graph)


def test_a_session_that_expires_on_the_way_is_opened_again(
    desk: Desk, graph: SimulatorClient, means_of: MeansOf
) -> None:
    graph.rule(upload_seconds=2)
    graph.fail({"route": "upload", "after": 1, "delay": 2.5})
    delivered(desk, means_of(), desk.a_ticket_with_blob(MAIL))

    assert 2 == methods(graph).count(OPEN)
    check_arrived_once(graph)


def test_a_long_pause_is_made_in_the_queue(
    desk: Desk, graph: SimulatorClient, means_of: MeansOf
) -> None:
    graph.fail({"route": "upload", "after": 1} | slow_down(600))
    ticket = desk.a_ticket_with_blob(MAIL)
    row = delivered(desk, means_of(), ticket)

    assert (State.DEFERRED, "ApplicationThrottled", "") == (row.state, row.code, row.draft_id)
    assert row.next_attempt_at is not None
    assert timedelta(minutes=9) < row.next_attempt_at - datetime.now(UTC)
    assert ([], [], DELETE) == (graph.mails(), graph.state()["drafts"], methods(graph)[-1])

    assert State.SENT is delivered(desk, means_of(), ticket).state
    check_arrived_once(graph)


GIVEN_UP: dict[str, tuple[dict[str, Any], str]] = {
    "the draft": ({"route": "messages", "status": 500}, "http-500"),
    "a draft that was made": ({"route": "messages", "status": 504, "take": True}, "http-504"),
    "a small file": ({"route": "attachments", "status": 500, "take": True}, "http-500"),
    "uploads again and again": ({"route": "upload", "times": 5} | AT_ONCE, "http-503"),
    "sessions again and again": ({"route": "upload", "status": 404, "times": 2}, "upload-lost"),
    "the last range, taken without an answer": (
        {"route": "upload", "after": 2, "status": 503, "take": True}, "ErrorItemNotFound",
    ),
    "where to upload": ({"route": "session", "status": 201, "body": {"x": 1}}, "upload-unreadable"),
    "which draft": ({"route": "messages", "status": 201, "body": {"x": 1}}, "draft-unreadable"),
    "a mailbox": ({"route": "messages", "status": 404, "body": {"error": {
        "code": "MailboxNotEnabledForRESTAPI"}}}, "MailboxNotEnabledForRESTAPI"),
}  # fmt: skip


@pytest.mark.parametrize(("fault", "code"), GIVEN_UP.values(), ids=GIVEN_UP)
def test_what_stays_is_left_to_the_next_attempt(
    desk: Desk, graph: SimulatorClient, means_of: MeansOf, fault: dict[str, Any], code: str
) -> None:
    graph.fail(fault)
    octets = mail_with(OCTETS, octets_of(10))
    ticket = desk.a_ticket_with_blob(octets)
    row = delivered(desk, means_of(), ticket)

    assert (State.DEFERRED, code, None) == (row.state, row.code, row.unsure_since)
    assert [] == graph.mails()
    assert fault["route"] == "messages" or [] == graph.state()["drafts"]

    assert State.SENT is delivered(desk, means_of(), ticket).state
    (mail,) = graph.mails()
    assert [fingerprint(OCTETS), fingerprint(octets_of(10))] == list(
        map(fingerprint_of, mail.attachments)
    )
    assert [] == graph.state()["drafts"]


@pytest.mark.parametrize(
    "fault",
    [
        {"route": "upload", "code": "ErrorMessageSizeExceeded"},
        {"route": "attachments", "code": "ErrorAttachmentSizeLimitExceeded"},
        {"route": "messages", "code": "ErrorInvalidRecipients"},
    ],
    ids=lambda fault: fault["route"],
)
def test_what_is_refused_for_ever_is_dead(
    desk: Desk, graph: SimulatorClient, means_of: MeansOf, fault: dict[str, Any]
) -> None:
    graph.fail({"route": fault["route"], "status": 400, "body": {"error": {"code": fault["code"]}}})
    octets = mail_with(OCTETS, octets_of(10))
    row = delivered(desk, means_of(), desk.a_ticket_with_blob(octets))

    assert (State.DEAD, fault["code"]) == (row.state, row.code)
    assert octets == desk.dead_letters.octets_of(row.id)
    assert [] == graph.state()["drafts"]


def test_nothing_is_lost_without_a_connection(
    desk: Desk, graph: SimulatorClient, means_of: MeansOf
) -> None:
    row = delivered(
        desk, means_of(GRAPH_ENDPOINT="http://127.0.0.1:9"), desk.a_ticket_with_blob(MAIL)
    )

    assert (State.DEFERRED, "no-connection") == (row.state, row.code)


# The address of an upload is a key


def test_no_address_of_an_upload_is_told(
    desk: Desk,
    graph: SimulatorClient,
    means_of: MeansOf,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    graph.fail({"route": "upload", "times": 4} | AT_ONCE, {"route": "upload", "reset": True})
    row = delivered(desk, means_of(), desk.a_ticket_with_blob(MAIL))

    told = caplog.text + repr(row)
    assert (State.DEFERRED, "no-answer") == (row.state, row.code)
    assert "/upload/" not in told
    assert "authtoken" not in told


def test_no_credential_is_sent_to_an_upload(
    graph: SimulatorClient, means_of: MeansOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = means_of().provider_of("default")
    assert provider is not None
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login user password password\n")
    monkeypatch.setenv("NETRC", str(netrc))

    assert isinstance(provider.send(composed(MAIL), lambda draft_id: None), Sent)
    check_arrived_once(graph)
