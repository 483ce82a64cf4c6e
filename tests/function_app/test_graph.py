"""What the Graph provider sends, and what it makes of odd answers."""

import socket
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from function_app.compose import Letter
from function_app.mime.fields import split
from function_app.outcome import Deferred, Outcome, Sent
from function_app.providers.graph.answers import claims_challenge, read_error
from function_app.providers.graph.calls import Calls
from function_app.providers.graph.provider import MIME_LIMIT, GraphProvider
from function_app.providers.http import session
from function_app.providers.tokens import Tokens
from handoff.ids import new_id, request_id_of
from tests.function_app.raw_graph import raw_graph

NOW = datetime(2026, 11, 21, 5, 0, 0, tzinfo=UTC)
MAIL_ID = "01JD3V6Q8K5T0C9E8XW2M7B4FA"
ACCEPTED = b"HTTP/1.1 202 Accepted\r\nrequest-id: 24e7991e\r\nContent-Length: 0\r\n\r\n"

Send = Callable[..., Outcome]


def a_letter(
    mime: bytes = b"Subject: x\r\n\r\nHello.\r\n", mailbox: str = "scan@contoso.com"
) -> Letter:
    fields, body = split(mime)
    return Letter(MAIL_ID, mailbox, ("ann@contoso.com",), "<1@contoso.com>", tuple(fields), body)


def fixed_tokens() -> Tokens:
    return Tokens(lambda: lambda claims: {"access_token": "token-1"})


def no_draft(draft_id: str) -> None:
    raise AssertionError(f"a draft: {draft_id}")


@pytest.fixture
def send() -> Iterator[Send]:
    with session(connect_seconds=1, read_seconds=2) as shared:

        def send(endpoint: str, letter: Letter | None = None) -> Outcome:
            provider = GraphProvider(Calls(endpoint, fixed_tokens(), shared, lambda: NOW))
            return provider.send(letter or a_letter(), no_draft)

        yield send


def answer(status: str, body: bytes = b"", *fields: str) -> bytes:
    ours = f"Content-Length: {len(body)}", "Connection: close"
    head = "\r\n".join([f"HTTP/1.1 {status}", *ours, *fields])
    return head.encode() + b"\r\n\r\n" + body


def test_a_mail_is_posted_as_base64_of_its_mime(send: Send) -> None:
    letter = a_letter(mailbox="sc/an?x=1#y%2f@contoso.com")
    with raw_graph(ACCEPTED) as graph:
        outcome = send(graph.endpoint, letter)

    head, _, body = graph.requests[0].partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert Sent("graph", "24e7991e") == outcome
    assert "POST /v1.0/users/sc%2Fan%3Fx%3D1%23y%252f%40contoso.com/sendMail HTTP/1.1" == lines[0]
    assert {
        "Content-Type: text/plain",
        "Authorization: Bearer token-1",
        f"client-request-id: {request_id_of(MAIL_ID)}",
    } <= set(lines)
    assert letter.mime() == b64decode(body, validate=True)


SUCCESSES = {
    "plain": ACCEPTED,
    "to be repeated later": answer("202 Accepted", b"", "Retry-After: 30"),
    "without request id": answer("202 Accepted"),
    "with a body that breaks off": b"HTTP/1.1 202 Accepted\r\nContent-Length: 99\r\n\r\nhalf",
    "with broken chunks": b"HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "with a broken encoding": answer("202 Accepted", b"no gzip", "Content-Encoding: gzip"),
}


@pytest.mark.parametrize("octets", SUCCESSES.values(), ids=SUCCESSES)
def test_202_is_success_whatever_follows(send: Send, octets: bytes) -> None:
    with raw_graph(octets) as graph:
        assert isinstance(send(graph.endpoint), Sent)


NOT_ACCEPTED = {
    "200": (answer("200 OK"), "http-200", True),
    "204": (answer("204 No Content"), "http-204", True),
    "redirect": (answer("302 Found", b"", "Location: /elsewhere"), "http-302", False),
    "html": (answer("502 Bad Gateway", b"<html>oh</html>"), "http-502", True),
    "empty": (answer("504 Gateway Timeout"), "http-504", True),
    "half a json": (answer("500 Oops", b'{"error":{"code":"Err'), "http-500", True),
    "no object": (answer("500 Oops", b'{"error":"x"}'), "http-500", True),
    "latin-1": (answer("500 Oops", b'{"error":{"message":"\xe9"}}'), "http-500", True),
    "breaks off": (b"HTTP/1.1 503 Busy\r\nContent-Length: 99\r\n\r\n{", "http-503", True),
    "no http": (b"220 mail.contoso.com ESMTP\r\n", "no-answer", True),
    "nothing": (b"", "no-answer", True),
    "reset": (None, "no-answer", True),
}


@pytest.mark.parametrize(("octets", "code", "unsure"), NOT_ACCEPTED.values(), ids=NOT_ACCEPTED)
def test_an_odd_answer_defers(send: Send, octets: bytes | None, code: str, unsure: bool) -> None:
    with raw_graph(octets) as graph:
        outcome = send(graph.endpoint)

    assert isinstance(outcome, Deferred)
    assert (code, unsure) == (outcome.code, outcome.unsure)


def test_a_mail_whose_fate_is_unknown_is_not_posted_twice(send: Send) -> None:
    with raw_graph(None) as graph:
        send(graph.endpoint)

    assert 1 == len(graph.requests)


def test_the_pause_of_an_answer_is_read(send: Send) -> None:
    throttled = answer("429 Slow", b"", "Retry-After: Sat, 21 Nov 2026 05:00:42 GMT")
    with raw_graph(throttled) as graph:
        outcome = send(graph.endpoint)

    assert isinstance(outcome, Deferred)
    assert timedelta(seconds=42) == outcome.after


def test_no_connection_leaves_no_doubt(send: Send) -> None:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        outcome = send(f"http://127.0.0.1:{unheard.getsockname()[1]}")

    assert isinstance(outcome, Deferred)
    assert ("no-connection", False) == (outcome.code, outcome.unsure)


def test_an_answer_that_does_not_come_is_not_waited_for(send: Send) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        outcome = send(f"http://127.0.0.1:{silent.getsockname()[1]}")

    assert isinstance(outcome, Deferred)
    assert ("no-answer", True) == (outcome.code, outcome.unsure)


def test_a_slow_reader_gets_the_whole_mail() -> None:
    # Longer on the way than the time-out of one write.
    letter = a_letter(b"x" * (MIME_LIMIT - len(b"\r\n")))
    with (
        session(connect_seconds=0.2, read_seconds=10) as shared,
        raw_graph(ACCEPTED, reads_slowly=True) as graph,
    ):
        calls = Calls(graph.endpoint, fixed_tokens(), shared, lambda: NOW)
        outcome = GraphProvider(calls).send(letter, no_draft)

    assert isinstance(outcome, Sent)


def test_a_netrc_does_not_replace_the_token(
    send: Send, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login user password password\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with raw_graph(ACCEPTED) as graph:
        send(graph.endpoint)

    assert b"Authorization: Bearer token-1" in graph.requests[0]


def test_the_request_id_is_the_mails_id_in_hexadecimal() -> None:
    first = new_id(datetime.fromtimestamp(0, UTC))

    assert UUID("00000000-0000-0000-0000-000000000001") == request_id_of("0" * 25 + "1")
    assert UUID("ffffffff-ffff-ffff-ffff-ffffffffffff") == request_id_of("7" + "Z" * 25)
    assert str(request_id_of(first)).startswith("00000000-0000-")


CHALLENGES = {
    'Bearer realm="", error="insufficient_claims", claims="eyJhIjoxfQ=="': '{"a":1}',
    'Bearer claims="eyJhIjoxfQ"': '{"a":1}',
    'Bearer realm="", client_id="00000003"': None,
    'Bearer claims="%%%"': None,
    'Bearer claims="/////w=="': None,
    "": None,
}


@pytest.mark.parametrize(("field", "claims"), CHALLENGES.items())
def test_a_claims_challenge_is_decoded(field: str, claims: str | None) -> None:
    assert claims == claims_challenge(field)


@given(st.text())
def test_any_claims_are_found_or_not(text: str) -> None:
    field = f'Bearer realm="", claims="{b64encode(text.encode()).decode()}"'

    assert (text or None) == claims_challenge(field)


@given(st.binary() | st.text().map(str.encode))
def test_no_body_of_an_error_raises(body: bytes) -> None:
    code, message = read_error(body)

    assert isinstance(code, str)
    assert isinstance(message, str)


def test_deep_nesting_is_no_error_message() -> None:
    assert ("", "") == read_error(b"[" * 60_000)
