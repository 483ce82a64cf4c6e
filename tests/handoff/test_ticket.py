"""The ticket: what goes in comes out, and anything else is a BadTicket."""

import json
from base64 import b64encode
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handoff.ids import new_id
from handoff.ticket import (
    MAX_TICKET_BYTES,
    RECIPIENT_BUDGET_BYTES,
    BadTicket,
    Content,
    Envelope,
    SendAs,
    Ticket,
    decode,
    encode,
)
from tests.builders import a_ticket

addresses = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=80
)
tickets = st.builds(
    Ticket,
    v=st.just(1),
    kind=st.just("mail"),
    id=st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)).map(new_id),
    site=st.just("plant-2"),
    device=st.just("scanner"),
    received_at=st.datetimes(
        datetime(2020, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)
    ).map(lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000)),
    envelope=st.builds(
        Envelope,
        reverse_path=st.just("") | addresses,
        forward_paths=st.lists(addresses, min_size=1, max_size=5).map(tuple),
        smtputf8=st.booleans(),
    ),
    send_as=st.builds(SendAs, mailbox=addresses, sealed=st.none() | st.just("eyJhbGciOi.x_y-z")),
    content=st.builds(
        lambda octets: Content(
            size=len(octets), sha256="0" * 64, mime=b64encode(octets).decode("ascii")
        ),
        st.binary(max_size=100),
    ),
    trace=st.none() | st.just("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
    generation=st.integers(0, 9),
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def as_json(**changes: Any) -> str:
    return json.dumps(json.loads(encode(a_ticket())) | changes)


@given(tickets)
def test_a_ticket_survives_the_queue(ticket: Ticket) -> None:
    assert ticket == decode(encode(ticket))


@given(tickets)
def test_the_queue_message_is_plain_ascii(ticket: Ticket) -> None:
    message = encode(ticket)

    assert message.isascii()
    assert message.isprintable()


@given(st.text() | st.binary() | json_values.map(json.dumps))
def test_anything_else_is_a_bad_ticket(message: str | bytes) -> None:
    with pytest.raises(BadTicket):
        decode(message)


@given(st.data())
def test_a_ticket_with_one_wrong_value_is_bad_or_equal(data: st.DataObject) -> None:
    fields = json.loads(encode(a_ticket()))
    place = data.draw(st.sampled_from(sorted(fields)))
    fields[place] = data.draw(json_values)
    try:
        ticket = decode(json.dumps(fields))
    except BadTicket:
        return

    assert ticket == decode(encode(ticket))


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"v": 2}, "v"),
        ({"v": "1"}, "v"),
        ({"kind": "spam"}, "kind"),
        ({"id": "01JD"}, "id"),
        ({"id": "01jd3v6q8k5t0c9e8xw2m7b4fa"}, "id"),
        ({"surprise": 1}, "surprise"),
        ({"received_at": "yesterday"}, "received_at"),
        ({"received_at": "2026-11-21T05:00:00"}, "received_at"),
        ({"received_at": "0001-01-01T00:00:00+14:00"}, "received_at"),
        ({"envelope": {"reverse_path": "a@b", "forward_paths": []}}, "envelope.forward_paths"),
        ({"envelope": {"reverse_path": "a\r\nb", "forward_paths": ["c@d"]}}, "envelope"),
        ({"envelope": {"reverse_path": "a@b", "forward_paths": ["c\0@d"]}}, "envelope"),
        ({"content": {"size": 1, "sha256": "0" * 64}}, "content"),
        ({"content": {"size": -1, "sha256": "0" * 64, "mime": ""}}, "content.size"),
        ({"content": {"size": 1, "sha256": "0" * 64, "mime": "\u00e4"}}, "content.mime"),
        ({"content": {"size": 1, "sha256": "0" * 64, "blob": "../dead-letters/x"}}, "content.blob"),
        ({"send_as": {"mailbox": "a@b", "from_policy": "forge"}}, "send_as.from_policy"),
        ({"send_as": {"mailbox": "a@b", "identity": "a/b"}}, "send_as.identity"),
        ({"generation": -1}, "generation"),
    ],
)
def test_a_bad_ticket_names_the_place(changes: dict[str, Any], place: str) -> None:
    with pytest.raises(BadTicket, match=place.replace(".", r"\.")):
        decode(as_json(**changes))


@pytest.mark.parametrize("missing", ["v", "kind", "id", "received_at", "envelope", "content"])
def test_what_every_ticket_has_must_not_be_missing(missing: str) -> None:
    fields = json.loads(encode(a_ticket()))
    del fields[missing]
    with pytest.raises(BadTicket, match=missing):
        decode(json.dumps(fields))


def test_a_ticket_as_documented_is_read() -> None:
    ticket = decode(
        """{"v":1, "kind":"mail", "id":"01JD3V6Q8K5T0C9E8XW2M7B4FA", "site":"plant-2",
        "device":"scanner-2f", "received_at":"2026-11-21T05:00:00.123Z",
        "envelope":{"reverse_path":"scan@contoso.com","forward_paths":["a@x.org"],
        "smtputf8":false},
        "send_as":{"mailbox":"noreply@contoso.com","from_policy":"rewrite",
        "identity":"default","sealed":null},
        "content":{"size":3,"sha256":"%s","mime":"YWJj"},
        "trace":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}"""
        % ("0" * 64)
    )

    assert ticket.envelope.forward_paths == ("a@x.org",)
    assert ticket.received_at == datetime(2026, 11, 21, 5, 0, 0, 123000, UTC)


def test_recipients_within_their_budget_fit_a_ticket() -> None:
    address = "\u00e4" * 60 + "@contoso.com"
    written = len(json.dumps(address)) + 1
    recipients = (address,) * (RECIPIENT_BUDGET_BYTES // written)
    ticket = a_ticket(to=recipients, mailbox="\u00e4" * 300 + "@contoso.com")
    blob = Content(size=1, sha256="0" * 64, blob=f"2026/11/21/05/{ticket.id}.eml")

    assert len(encode(ticket.model_copy(update={"content": blob}))) <= MAX_TICKET_BYTES
