"""Deliveries as a spreadsheet takes them."""

from datetime import UTC, datetime

from console.reading.spreadsheet import COLUMNS, as_row
from handoff.delivery import State
from handoff.ledger_reader import Line

NOW = datetime(2026, 11, 21, 5, 0, tzinfo=UTC)


def test_a_line_has_a_word_a_column_and_none_of_them_is_a_formula() -> None:
    line = Line(
        id="01JD3V6Q8K5T0C9E8XW2M7B4FA",
        state=State.DEFERRED,
        generation=0,
        attempts=2,
        received_at=NOW,
        site="",
        device="=HYPERLINK(1)",
        mailbox="noreply@contoso.com",
        reverse_path="@x.org",
        recipients=("a@x.org", "b@x.org"),
        recipient_count=2,
        size=1234,
        message_id="<1@x>",
        code="-1",
        reason="",
        ended_at=None,
        next_attempt_at=NOW,
    )

    assert {
        "id": "01JD3V6Q8K5T0C9E8XW2M7B4FA",
        "state": "deferred",
        "received_at": "2026-11-21T05:00:00+00:00",
        "ended_at": "",
        "site": "",
        "device": "'=HYPERLINK(1)",
        "mailbox": "noreply@contoso.com",
        "reverse_path": "'@x.org",
        "recipients": "a@x.org b@x.org",
        "size": "1234",
        "attempts": "2",
        "code": "'-1",
        "message_id": "<1@x>",
        "reason": "",
    } == dict(zip(COLUMNS, as_row(line), strict=True))
