"""What somebody is looking for: `from: to: device: site: mailbox: state: code: before: after:`.

Terms are joined by AND; a value with spaces stands in double quotes. A word without a name is
looked for in the id, the Message-ID, the addresses and the device. Pure.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from handoff.delivery import State
from handoff.ids import is_id
from handoff.ledger_reader import Line

_TERM = re.compile(r'(?:(?P<name>[a-z_]+):)?(?:"(?P<quoted>[^"]*)"|(?P<plain>\S+))', re.IGNORECASE)
_AGO = re.compile(r"(\d{1,4})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_EXACT = ("device", "site", "mailbox", "code", "state")
NAMES = ("from", "to", *_EXACT, "before", "after")


class BadQuery(Exception):
    """The sentence says which term makes no sense, and what would."""


@dataclass(frozen=True)
class Query:
    """What a mail must be like. Words are in lower case."""

    equal: Mapping[str, str] = field(default_factory=dict)
    """Columns and their values: the storage account itself chooses by them."""
    sender: str = ""
    recipient: str = ""
    words: tuple[str, ...] = ()
    before: datetime | None = None
    after: datetime | None = None

    @property
    def single_id(self) -> str | None:
        """The id of a mail, when that is all that is asked for."""
        only = self.words[0].upper() if self == Query(words=self.words[:1]) and self.words else ""
        return only if is_id(only) else None

    def fits(self, line: Line) -> bool:
        """Whether `line`, of which the columns are equal, is also like the rest."""
        recipients = " ".join(line.recipients).casefold()
        sender = f"{line.reverse_path} {line.mailbox}".casefold()
        if self.sender not in sender or self.recipient not in recipients:
            return False
        text = f"{line.id} {line.message_id} {line.device} {sender} {recipients}".casefold()
        return all(word in text for word in self.words)


def read_query(text: str, now: datetime) -> Query:
    """The Query that `text` means. Raises BadQuery."""
    equal: dict[str, str] = {}
    sides = {"from": "", "to": ""}
    moments: dict[str, datetime] = {}
    words: list[str] = []
    for term in _TERM.finditer(text):
        name = (term["name"] or "").lower()
        value = term["plain"] if term["quoted"] is None else term["quoted"]
        if not name:
            words.append(value.casefold())
        elif name == "state":
            equal["state"] = _state(value)
        elif name in _EXACT:
            equal[name] = value
        elif name in sides:
            sides[name] = value.casefold()
        elif name in ("before", "after"):
            moments[name] = _moment(value, now)
        else:
            raise BadQuery(f"{name}: is no term; there are {', '.join(NAMES)}.")
    return Query(
        equal,
        sides["from"],
        sides["to"],
        tuple(words),
        moments.get("before"),
        moments.get("after"),
    )


def _state(value: str) -> str:
    states = {state.value for state in State}
    if value.lower() not in states:
        raise BadQuery(f'state: "{value}" is none of {", ".join(sorted(states))}.')
    return value.lower()


def _moment(value: str, now: datetime) -> datetime:
    ago = _AGO.fullmatch(value.lower())
    if ago:
        return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    read: Callable[[str], datetime] = datetime.fromisoformat
    try:
        moment = read(value)
    except ValueError as fault:
        raise BadQuery(
            f'"{value}" is no time; write 2026-11-21, 2026-11-21T05:00 (UTC), or 2h, 3d for ago.'
        ) from fault
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
