"""What is said to Graph about a large mail, and what is made of answers that the simulator never
gives."""

import json
import logging
import re
import time
import traceback
from typing import Any

import pytest

from function_app.outcome import Deferred, Outcome, Sent
from function_app.providers.graph.answers import Answer
from function_app.providers.graph.calls import CallFailed, Calls
from function_app.providers.graph.large import send_large
from function_app.providers.graph.patience import GaveUp, Patience
from function_app.providers.graph.provider import GraphProvider
from function_app.providers.graph.uploads import RANGE
from function_app.providers.http import session
from tests.function_app.large_mails import mail_with, octets_of
from tests.function_app.letters import composed
from tests.function_app.raw_graph import raw_graph
from tests.function_app.test_graph import NOW, answer, fixed_tokens

OCTETS = octets_of(2 * RANGE)
LETTER = composed(mail_with(OCTETS))
SMALL = composed(b"Subject: x\r\n\r\nx")
ACCEPTED = answer("202 Accepted")


def said(status: str, **body: Any) -> bytes:
    return answer(status, json.dumps(body).encode())


NONE_LEFT = said("200 OK", value=[])
CREATED = said("201 Created", id="draft/1")
ATTACHED = answer("201 Created")


def sent(
    *answers: bytes, then: tuple[bytes, ...] = (ACCEPTED,)
) -> tuple[Outcome, list[bytes], list[bytes]]:
    """What comes of LETTER when the answers to its ranges are these, and who was told what."""
    with raw_graph(*answers) as outlook:
        opened = said("201 Created", uploadUrl=f"{outlook.endpoint}/upload/1?authtoken=secret")
        with (
            raw_graph(NONE_LEFT, CREATED, opened, *then) as graph,
            session(connect_seconds=1, read_seconds=5) as shared,
        ):
            calls = Calls(graph.endpoint, fixed_tokens(), shared, lambda: NOW)
            outcome = GraphProvider(calls).send(LETTER, lambda draft_id: None)
    return outcome, graph.requests, outlook.requests


def expecting(*ranges: str) -> bytes:
    return said("200 OK", nextExpectedRanges=list(ranges))


def ranges_of(requests: list[bytes]) -> list[tuple[int, int]]:
    found = (re.search(rb"Content-Range: bytes (\d+)-(\d+)/(\d+)\r\n", put) for put in requests)
    return [(int(place[1]), int(place[2])) for place in found if place]


def test_what_is_said_about_a_large_mail() -> None:
    outcome, (search, create, opened, send), (first, last) = sent(expecting(str(RANGE)), ATTACHED)

    assert isinstance(outcome, Sent)
    assert search.startswith(b"GET /v1.0/users/scan%40contoso.com/mailFolders/drafts/messages?")
    assert create.startswith(b"POST /v1.0/users/scan%40contoso.com/messages HTTP/1.1\r\n")
    assert opened.startswith(
        b"POST /v1.0/users/scan%40contoso.com/messages/draft%2F1/attachments/createUploadSession "
    )
    assert send.startswith(b"POST /v1.0/users/scan%40contoso.com/messages/draft%2F1/send HTTP")
    for request in (search, create, opened, send):
        assert b'\r\nPrefer: IdType="ImmutableId"\r\n' in request
        assert b"\r\nAuthorization: Bearer token-1\r\n" in request
    assert b"\r\nContent-Length: 0\r\n" in send
    for put in (first, last):
        assert put.startswith(b"PUT /upload/1?authtoken=secret HTTP/1.1\r\n")
        assert b"authorization" not in put.lower()
        assert b"\r\nContent-Type: application/octet-stream\r\n" in put
    assert [(0, RANGE - 1), (RANGE, 2 * RANGE - 1)] == ranges_of([first, last])
    assert OCTETS == b"".join(put.partition(b"\r\n\r\n")[2] for put in (first, last))


@pytest.mark.parametrize("wanted", ["1000", "1000-", "1000-7000"])
def test_a_range_begins_where_it_is_wanted(wanted: str) -> None:
    outcome, _, puts = sent(expecting(wanted), expecting(f"{RANGE + 1000}"), ATTACHED)

    assert isinstance(outcome, Sent)
    assert [(0, RANGE - 1), (1000, RANGE + 999), (RANGE + 1000, 2 * RANGE - 1)] == ranges_of(puts)
    assert OCTETS[1000 : RANGE + 1000] == puts[1].partition(b"\r\n\r\n")[2]


@pytest.mark.parametrize("answered", [answer("200 OK"), answer("202 Accepted"), expecting()])
def test_an_answer_that_wants_nothing_is_believed(answered: bytes) -> None:
    outcome, _, puts = sent(answered, answered)

    assert isinstance(outcome, Sent)
    assert [(0, RANGE - 1), (RANGE, 2 * RANGE - 1)] == ranges_of(puts)


@pytest.mark.parametrize("wanted", ["x", "-1", "9" * 30])
def test_what_is_no_place_is_no_wish(wanted: str) -> None:
    outcome, _, puts = sent(expecting(wanted), ATTACHED)

    assert isinstance(outcome, Sent)
    assert [(0, RANGE - 1), (RANGE, 2 * RANGE - 1)] == ranges_of(puts)


@pytest.mark.parametrize("wanted", [0, RANGE + 1])
def test_a_session_that_makes_no_sense_is_left(wanted: int) -> None:
    removed = answer("204 No Content")
    outcome, requests, puts = sent(expecting(str(wanted)), then=(answer("403 Forbidden"), removed))

    assert isinstance(outcome, Deferred)
    assert 1 == len(puts)
    assert b"createUploadSession" in requests[3].partition(b"\r\n")[0]
    assert requests[4].startswith(b"DELETE /v1.0/users/scan%40contoso.com/messages/draft%2F1 ")


def test_any_answer_about_earlier_drafts_is_taken() -> None:
    for found in (answer("500 Oops"), said("200 OK", value="x"), said("200 OK", value=[1])):
        with (
            raw_graph(found, CREATED, ACCEPTED) as graph,
            session(connect_seconds=1, read_seconds=5) as shared,
        ):
            calls = Calls(graph.endpoint, fixed_tokens(), shared, lambda: NOW)
            patience = Patience(time.monotonic() + 9)
            outcome = send_large(calls, SMALL, lambda draft_id: None, "", patience)

        assert isinstance(outcome, Sent)


# The address of an upload is a key

ODD = b"HTTP/1.1 201 Created\r\nno field\r\nContent-Length: 0\r\n\r\n"


def test_an_odd_answer_does_not_bring_the_address_into_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    outcome, _, _ = sent(expecting(str(RANGE)), ODD)

    assert isinstance(outcome, Sent)
    assert "secret" not in caplog.text


def test_a_fault_does_not_tell_the_address() -> None:
    address = "http://127.0.0.1:9/upload?authtoken=secret"
    with session(connect_seconds=1, read_seconds=1) as shared:
        calls = Calls("http://127.0.0.1:9", fixed_tokens(), shared, lambda: NOW)
        with pytest.raises(CallFailed) as error:
            calls.put_without_token(address, {}, b"x")

    fault = error.value
    assert "secret" not in "".join(traceback.format_exception(fault)) + repr(fault.outcome)
    assert (None, None) == (fault.__cause__, fault.__context__)


def test_what_graph_says_of_an_upload_is_not_repeated() -> None:
    words = {"code": "ErrorOdd", "message": "No /upload/1?authtoken=secret here."}
    refused = answer("400 Bad Request", json.dumps({"error": words}).encode())
    removed = answer("204 No Content")
    outcome, _, _ = sent(expecting(str(RANGE)), refused, then=(removed,))

    assert isinstance(outcome, Deferred)
    assert ("ErrorOdd", True) == (outcome.code, "secret" not in outcome.reason)


# Patience ends


def test_no_call_begins_too_late() -> None:
    with pytest.raises(GaveUp) as error:
        Patience(time.monotonic() - 1).call(never, may_repeat=True)

    assert isinstance(error.value.outcome, Deferred)
    assert "upload-too-slow" == error.value.outcome.code


def test_a_draft_that_is_complete_too_late_is_sent_by_the_next_attempt() -> None:
    until = time.monotonic() + 1.5

    def note_late(draft_id: str) -> None:
        time.sleep(until - time.monotonic() + 0.01)

    with (
        raw_graph(NONE_LEFT, CREATED) as graph,
        session(connect_seconds=1, read_seconds=5) as shared,
    ):
        calls = Calls(graph.endpoint, fixed_tokens(), shared, lambda: NOW)
        outcome = send_large(calls, SMALL, note_late, "", Patience(until))

    assert isinstance(outcome, Deferred)
    assert ("upload-too-slow", False) == (outcome.code, outcome.unsure)


def never() -> Answer:
    raise AssertionError
