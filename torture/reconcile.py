"""Compare what clients heard with what arrived and with what the relay says. Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from torture.account import NO_REPLY, Heard
from torture.mails import NumberedMail

UNSURE = 451
"""Said when a flush failed: the mail may be on the disk all the same, and nobody can know."""


@dataclass(frozen=True)
class Arrival:
    """A mail that Graph took."""

    number: int | None
    """None: no mail of ours."""
    recipients: frozenset[str]
    mark: str


@dataclass(frozen=True)
class Stock:
    """What the relay itself says, and what it still holds, when all is quiet."""

    states: Mapping[str, str]
    """State of each row of the ledger, by the mail's id."""
    dead_letters: Mapping[str, str]
    """Reason of each, by its id."""
    left: Mapping[str, int]
    """How much is left where nothing should be."""
    strangers: int
    """Strange messages that were put into the queue."""


def findings(
    heard: Sequence[Heard], arrivals: Sequence[Arrival], mails: Mapping[int, NumberedMail], s: Stock
) -> list[str]:
    """What is wrong, one sentence each; empty when every promise was kept."""
    return [
        *_promises(heard, arrivals, s),
        *_inventions(heard, arrivals),
        *_wholeness(arrivals, mails),
        *_books(heard, arrivals, s),
    ]


def _promises(heard: Sequence[Heard], arrivals: Sequence[Arrival], s: Stock) -> Iterator[str]:
    copies = Counter(arrival.number for arrival in arrivals)
    for one in heard:
        if copies[one.number] > 1:
            yield f"twice: mail {one.number} {one.id} arrived {copies[one.number]} times"
        if one.code != 250:
            continue
        is_dead = one.id in s.dead_letters
        if not copies[one.number] and not is_dead:
            yield f"lost: mail {one.number} {one.id}, {s.states.get(one.id, 'not in the ledger')}"
        if copies[one.number] and is_dead:
            yield f"both: mail {one.number} {one.id} arrived, and is a dead letter"
        if is_dead and not s.dead_letters[one.id]:
            yield f"no reason: dead letter {one.id}"


def _inventions(heard: Sequence[Heard], arrivals: Sequence[Arrival]) -> Iterator[str]:
    codes = {one.number: one.code for one in heard}
    for arrival in arrivals:
        if arrival.number is None or arrival.number not in codes:
            yield f"invented: mail {arrival.number} arrived, which nobody sent"
        elif codes[arrival.number] not in (250, NO_REPLY, UNSURE):
            yield f"refused: mail {arrival.number} was refused {codes[arrival.number]}, and arrived"


def _wholeness(arrivals: Sequence[Arrival], mails: Mapping[int, NumberedMail]) -> Iterator[str]:
    for arrival in arrivals:
        mail = mails.get(arrival.number or 0)
        if mail is None:
            continue
        if arrival.mark != mail.mark:
            yield f"torn: mail {arrival.number} is not what was sent"
        if arrival.recipients != frozenset(mail.recipients):
            yield f"recipients: mail {arrival.number} went to {sorted(arrival.recipients)}"


def _books(heard: Sequence[Heard], arrivals: Sequence[Arrival], s: Stock) -> Iterator[str]:
    for one in heard:
        if one.code == 250 and s.states.get(one.id) not in ("sent", "dead"):
            yield f"ledger: mail {one.id} is {s.states.get(one.id, 'not in it')}"
    sent = sum(state == "sent" for state in s.states.values())
    if sent != len(arrivals):
        yield f"ledger: {sent} rows say sent, {len(arrivals)} mails arrived"
    for place, count in s.left.items():
        if count:
            yield f"left: {count} in {place}"
    ours = {one.id for one in heard}
    strange = sum(letter not in ours for letter in s.dead_letters)
    if strange != s.strangers:
        yield f"strangers: {s.strangers} were put in, {strange} are dead letters"
