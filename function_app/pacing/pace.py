"""When the next mail of one mailbox may go: now, or later and then when. Pure.

Who has to wait gets a place in the line, and keeps it while he comes back too early. What he is
told is an estimate: the line moves as fast as the mailbox takes mails. A place whose mail does
not come back holds the others up for a moment only, and is given up after a while: another
instance may have sent the mail.

The clock is a number of seconds that only grows.
"""

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from function_app.pacing.limits import Limits

SHORT = 1.0
"""A wait up to this long is not worth the way back to the queue."""
FAR = 3600.0
"""Who would wait for longer comes back before, since the estimate may be wrong by then."""
LATE = 5.0
"""Longer than the host rests between two looks at an empty queue."""
LOST = 60.0
MOST_PLACES = 1000
"""Who comes then is told a time behind them all, and is not remembered."""
FIRST_PAUSE = 2.0
LONGEST_PAUSE = 300.0
MEMORY = 600.0
"""Of a throttled mailbox, after its pause, when no mail came to try it."""

# A send may hang for longer; but if all who wait were told so, they would come too late when it
# has passed.
_LONGEST_SEND = 30.0
_FIRST_GUESS = 0.5
# So that a message is not handed out too often, however the estimates fail: docs/pacing.md.
_FREE_RETURNS = 10

State = Literal["free", "waiting", "throttled"]


@dataclass(frozen=True)
class Go:
    """From then on, which is at most SHORT seconds away."""

    at: float


@dataclass(frozen=True)
class Wait:
    """Until then at least."""

    until: float


class _Place(NamedTuple):
    number: int
    back_at: float


@dataclass
class Pace:
    """What is known of one mailbox."""

    limits: Limits
    closed_until: float = float("-inf")
    _throttles: int = 0
    """In a row. As long as there are any, one mail goes at a time."""
    _running: list[float] = field(default_factory=list)
    """When each mail went that has not ended."""
    _seconds_a_send: float = _FIRST_GUESS
    _paid_until: float = float("-inf")
    """When the mails that went would have gone, one every interval."""
    _line: dict[str, _Place] = field(default_factory=dict)
    """By the mail, in the order of their numbers."""
    _next_number: int = 0
    _behind_the_line: int = 0

    def ask(self, mail: str, now: float, returns: int) -> Go | Wait:
        """May `mail` go, which has come back from the queue so many times?"""
        self._give_up_lost_places(now)
        place = self._line.get(mail)
        number = place.number if place else self._next_number
        first, ahead = self._expected_before(number, now)
        at = max(now, self._affords(ahead))
        has_slot = self.in_flight < self._most()
        if now >= self.closed_until and has_slot and at <= now + SHORT:
            self._line.pop(mail, None)
            self._running.append(at)
            self._paid_until = max(self._paid_until, at) + self.limits.interval
            return Go(at)
        return Wait(self._line_up(mail, number, first, now, returns))

    def end(self, began: float, now: float) -> None:
        """The mail that went at `began` is no longer under way."""
        self._running.remove(began)
        self._seconds_a_send += (now - began - self._seconds_a_send) / 4

    def close(self, now: float, after: float | None) -> None:
        """The provider throttles the mailbox; `after` is for how long, if it told."""
        if now >= self.closed_until:
            self._throttles += 1
        doubled = FIRST_PAUSE * 2 ** min(self._throttles - 1, 10)
        pause = min(doubled, LONGEST_PAUSE) if after is None else max(after, SHORT)
        self.closed_until = max(self.closed_until, now + pause)

    def reopen(self, began: float) -> None:
        """The provider has taken the mail that went at `began`."""
        if began >= self.closed_until:
            self._throttles = 0

    @property
    def in_flight(self) -> int:
        return len(self._running)

    @property
    def waiting(self) -> int:
        """Of more than MOST_PLACES, only so many are known."""
        return len(self._line)

    @property
    def state(self) -> State:
        if self._throttles:
            return "throttled"
        return "waiting" if self._line else "free"

    def is_idle(self, now: float) -> bool:
        """Whether it may be forgotten."""
        self._give_up_lost_places(now)
        open_at = self.closed_until + (MEMORY if self._throttles else 0)
        return not self._running and not self._line and now >= max(open_at, self._paid_until)

    def _give_up_lost_places(self, now: float) -> None:
        while self._line:
            mail, place = next(iter(self._line.items()))
            if place.back_at + LOST >= now:
                return
            del self._line[mail]

    def _expected_before(self, number: int, now: float) -> tuple[int, int]:
        """The first number in the line that is not late, and how many before `number` are due."""
        first, due = self._next_number, 0
        for place in self._line.values():
            if place.back_at + LATE < now:
                continue
            first = min(first, place.number)
            if place.number >= number or place.back_at > now + self.limits.interval:
                break
            due += 1
        return first, due // self.limits.instances  # the others come back elsewhere

    def _affords(self, ahead: int) -> float:
        """When the rate lets a mail go after so many others."""
        return self._paid_until + (ahead + 1 - self.limits.burst) * self.limits.interval

    def _most(self) -> int:
        return 1 if self._throttles else self.limits.most_in_flight

    def _line_up(self, mail: str, number: int, first: int, now: float, returns: int) -> float:
        rank = max(0, number - first)
        if mail not in self._line and len(self._line) >= MOST_PLACES // self.limits.instances:
            self._behind_the_line += 1
            return self._estimate(rank + self._behind_the_line - 1, now, returns)
        if mail not in self._line:
            self._next_number += 1
            self._behind_the_line = 0
        until = self._estimate(rank, now, returns)
        self._line[mail] = _Place(number, until)
        return until

    def _estimate(self, rank: int, now: float, returns: int) -> float:
        oldest = now - min(self._running) if self._running else 0.0
        a_send = min(max(self._seconds_a_send, oldest), _LONGEST_SEND)
        step = max(self.limits.interval, a_send / self._most())
        is_full = self.in_flight >= self._most()
        begin = max(self.closed_until, self._affords(0), now + step if is_full else now)
        wait = begin + rank * step - now
        if wait > FAR:
            wait = FAR / 2 + wait % (FAR / 2)  # not all of them in the same second
        return now + max(wait, max(0, returns - _FREE_RETURNS) ** 2)
