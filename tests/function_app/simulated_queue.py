"""A queue, its readers and one mailbox in a time of their own: days pass in a moment."""

import heapq
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from math import ceil
from random import Random

from function_app.pacing.limits import Limits
from function_app.pacing.pace import Go, Pace

_BETWEEN_LOOKS = 2.0
"""Of the host at a queue that was empty: maxPollingInterval."""


@dataclass
class SimulatedQueue:
    """`seconds_a_send` and `throttled_for` say what a mail meets that goes at a moment.

    Each message is taken by any of the instances. The dice are always the same.
    """

    limits: Limits
    seconds_a_send: Callable[[float], float] = lambda at: 0.5
    throttled_for: Callable[[float], float] = lambda at: 0.0
    handed_out: Counter[str] = field(default_factory=Counter)
    began_at: dict[str, float] = field(default_factory=dict)
    """When each mail was sent, by its number."""
    most_in_flight: int = 0

    def __post_init__(self) -> None:
        self._dice = Random(1)
        self._paces = [Pace(self.limits) for _ in range(self.limits.instances)]
        self._events: list[tuple[float, int, Callable[[float], None]]] = []
        self._count = 0
        self._in_flight = 0

    def run(self, arrivals: Iterable[float]) -> None:
        """Until each mail is sent; mail number n arrives at the nth moment."""
        for number, at in enumerate(arrivals):
            self._visible(str(number), at)
        while self._events:
            now, _, happen = heapq.heappop(self._events)
            happen(now)

    def most_within(self, seconds: float) -> int:
        """How many mails were sent in the busiest time of that length."""
        moments, first, most = sorted(self.began_at.values()), 0, 0
        for last, moment in enumerate(moments):
            while moments[first] <= moment - seconds:
                first += 1
            most = max(most, last - first + 1)
        return most

    def _at(self, moment: float, happen: Callable[[float], None]) -> None:
        self._count += 1
        heapq.heappush(self._events, (moment, self._count, happen))

    def _visible(self, mail: str, at: float) -> None:
        self._at(at, lambda now: self._taken(mail, now))

    def _taken(self, mail: str, now: float) -> None:
        returns, pace = self.handed_out[mail], self._dice.choice(self._paces)
        self.handed_out[mail] += 1
        answer = pace.ask(mail, now, returns)
        if isinstance(answer, Go):
            self._at(answer.at, lambda now: self._sending(mail, pace, now))
        else:
            self._put_back(mail, now, answer.until - now)

    def _put_back(self, mail: str, now: float, pause: float) -> None:
        self._visible(mail, now + max(1, ceil(pause)) + self._dice.uniform(0, _BETWEEN_LOOKS))

    def _sending(self, mail: str, pace: Pace, began: float) -> None:
        self._in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self._in_flight)
        self._at(
            began + self.seconds_a_send(began), lambda now: self._ended(mail, pace, began, now)
        )

    def _ended(self, mail: str, pace: Pace, began: float, now: float) -> None:
        self._in_flight -= 1
        pace.end(began, now)
        if pause := self.throttled_for(began):
            pace.close(now, pause)
            self._put_back(mail, now, pause * 1.2)
        else:
            pace.reopen(began)
            self.began_at[mail] = began
