"""What the overview shows of a picture: tiles and charts. Pure."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from functools import lru_cache

from markupsafe import Markup

from console.reading.figures import Picture
from console.web.charts import Bar, Curve, bars, clock_labels, curves
from handoff.delivery import State
from handoff.hours import HOUR, Figures, count, hour_of
from handoff.ledger_reader import Line

_MINUTES, _ONE_HOUR = timedelta(minutes=2), HOUR


class Span(Enum):
    """How far back one looks, and in what steps."""

    HOUR = ("1h", timedelta(hours=1), _MINUTES)
    DAY = ("24h", timedelta(days=1), _ONE_HOUR)
    WEEK = ("7d", timedelta(days=7), timedelta(hours=6))

    def __init__(self, label: str, length: timedelta, step: timedelta) -> None:
        self.label, self.length, self.step = label, length, step

    @classmethod
    def of(cls, label: str) -> "Span":
        return next((span for span in cls if span.label == label), cls.DAY)


@dataclass(frozen=True)
class Tile:
    """One number, for each span."""

    name: str
    style: str
    numbers: Sequence[tuple[Span, int, int]]
    """With the number of all mails, that it is a share of."""
    search: str


@dataclass(frozen=True)
class Charts:
    mails: Markup
    times: Markup
    failures: Sequence[tuple[str, int]]


@lru_cache(2)
def tiles_of(picture: Picture) -> list[Tile]:
    of_spans = [(span, picture.last(span.length)) for span in Span]

    def tile(name: str, style: str, search: str, *states: State) -> Tile:
        numbers = [
            (span, sum(of.states.get(state, 0) for state in states), of.mails)
            for span, of in of_spans
        ]
        return Tile(name, style, numbers, search)

    return [
        tile("Accepted", "accepted", "", *State),
        tile("Sent", "sent", "state:sent", State.SENT),
        tile("Waiting", "waiting", "state:deferred", State.SENDING, State.DEFERRED),
        tile("Failed", "failed", "state:dead", State.DEAD),
    ]


@lru_cache(6)
def charts_of(picture: Picture, span: Span) -> Charts:
    steps = _steps(picture, span)
    labels = clock_labels([begins for begins, _ in steps], span.step)
    return Charts(
        mails=bars(
            [Bar(label, _parts(of)) for label, (_, of) in zip(labels, steps, strict=True)],
            f"Mails of the last {span.label}, by outcome",
        ),
        times=curves(
            [
                Curve("p50", "half of them within", [of.percentile(0.5) for _, of in steps]),
                Curve("p95", "95 % within", [of.percentile(0.95) for _, of in steps]),
            ],
            labels,
            f"Seconds from 250 to sent, in the last {span.label}",
            "s",
        ),
        failures=Counter(picture.last(span.length).codes).most_common(6),
    )


def _parts(of: Figures) -> list[tuple[str, int]]:
    return [
        ("sent", of.states.get(State.SENT, 0)),
        ("waiting", of.waiting),
        ("failed", of.states.get(State.DEAD, 0)),
        ("discarded", of.states.get(State.DISCARDED, 0)),
    ]


def _steps(picture: Picture, span: Span) -> list[tuple[datetime, Figures]]:
    number = round(span.length / span.step)
    if span.step < HOUR:
        last = picture.at.replace(second=0, microsecond=0)
        starts = [last - (number - 1 - index) * span.step for index in range(number)]
        lines: dict[int, list[Line]] = defaultdict(list)
        for line in picture.recent:
            lines[(line.received_at - starts[0]) // span.step].append(line)
        return [(begins, count(lines[index])) for index, begins in enumerate(starts)]
    last = hour_of(picture.at) + HOUR - span.step
    starts = [last - (number - 1 - index) * span.step for index in range(number)]
    return [
        (
            begins,
            sum(
                (h.figures for h in picture.hours if begins <= h.begins < begins + span.step),
                Figures(),
            ),
        )
        for begins in starts
    ]
