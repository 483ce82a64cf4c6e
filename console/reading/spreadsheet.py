"""Deliveries as lines of CSV. Pure."""

from datetime import datetime

from handoff.ledger_reader import Line

COLUMNS = (
    *("id", "state", "received_at", "ended_at", "site", "device", "mailbox", "reverse_path"),
    *("recipients", "size", "attempts", "code", "message_id", "reason"),
)


def as_row(line: Line) -> list[str]:
    """The columns of one delivery."""
    words = [_word(getattr(line, name)) for name in COLUMNS]
    # A spreadsheet takes what begins so for a formula, and these texts come from outside.
    return [f"'{word}" if word.startswith(("=", "+", "-", "@", "\t")) else word for word in words]


def _word(value: object) -> str:
    if isinstance(value, tuple):
        return " ".join(value)
    return value.isoformat() if isinstance(value, datetime) else str(value or "")
