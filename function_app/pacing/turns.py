"""Whose turn it is, over all mailboxes: the paces behind one lock, with the clock.

Nobody waits here for longer than a moment, and whoever does counts as under way: so a mailbox
never holds more threads than it may have requests in flight.
"""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from threading import Lock
from typing import NamedTuple, Self

from function_app.log import log
from function_app.outcome import Deferred, Outcome, Sent
from function_app.pacing.limits import Limits
from function_app.pacing.pace import Go, Pace, State
from handoff.ticket import Ticket

_BETWEEN_CLEANINGS = 60.0


class Mailbox(NamedTuple):
    """What the provider counts by."""

    identity: str
    address: str

    @classmethod
    def of(cls, ticket: Ticket, identity: str) -> Self:
        return cls(identity, ticket.send_as.mailbox.casefold())


@dataclass
class _Known:
    pace: Pace
    told: State = "free"
    """What the log says of it."""


class Pacing:
    """The paces of the mailboxes that are in use. Safe to share between threads."""

    def __init__(
        self,
        limits: Limits,
        clock: Callable[[], float] = time.monotonic,
        limits_of: Mapping[str, Limits] | None = None,
    ) -> None:
        """`limits_of` are those of identities that do not send through Microsoft Graph."""
        self._limits = limits
        self._limits_of = limits_of or {}
        self._clock = clock
        self._lock = Lock()
        self._known: dict[Mailbox, _Known] = {}
        self._cleaned_at = clock()

    def turn(
        self, ticket: Ticket, message_id: str, returns: int, identity: str | None = None
    ) -> "Turn | timedelta":
        """A turn to send the mail of `ticket`, by another identity than it names if so told;
        else how long its message is to rest."""
        mailbox = Mailbox.of(ticket, identity or ticket.send_as.identity.lower())
        limits = self._limits_of.get(mailbox.identity, self._limits)
        with self._lock:
            now = self._clock()
            self._forget_idle(now)
            known = self._known.setdefault(mailbox, _Known(Pace(limits)))
            answer = known.pace.ask(message_id, now, returns)
            _tell(known, mailbox, ticket.id, now)
        if not isinstance(answer, Go):
            return timedelta(seconds=answer.until - now)
        if answer.at > now:  # to sleep for nothing would let other threads go first
            time.sleep(answer.at - now)
        return Turn(self, mailbox, ticket.id, answer.at)

    def end(self, turn: "Turn", outcome: Outcome | None) -> None:
        """Take a turn back, and learn from what came of it."""
        with self._lock:
            now = self._clock()
            known = self._known[turn.mailbox]
            known.pace.end(turn.began, now)
            match outcome:
                case Deferred(is_throttled=True, after=after):
                    known.pace.close(now, after.total_seconds() if after else None)
                case Sent():
                    known.pace.reopen(turn.began)
            _tell(known, turn.mailbox, turn.mail_id, now)

    def __len__(self) -> int:
        """How many mailboxes are known."""
        return len(self._known)

    def _forget_idle(self, now: float) -> None:
        if now < self._cleaned_at + _BETWEEN_CLEANINGS:
            return
        self._cleaned_at = now
        for mailbox, known in list(self._known.items()):
            if known.pace.is_idle(now):
                del self._known[mailbox]


class Turn:
    """The right to send one mail. It ends with the `with` block at the latest."""

    def __init__(self, pacing: Pacing, mailbox: Mailbox, mail_id: str, began: float) -> None:
        self.mailbox = mailbox
        self.mail_id = mail_id
        self.began = began
        self._pacing: Pacing | None = pacing

    def end(self, outcome: Outcome | None = None) -> None:
        """The provider has said this, or was not asked."""
        pacing, self._pacing = self._pacing, None
        if pacing is not None:
            pacing.end(self, outcome)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()


def _tell(known: _Known, mailbox: Mailbox, mail_id: str, now: float) -> None:
    """Log the state of a mailbox when it is another; `mail_id` is whose mail shows it."""
    pace = known.pace
    if pace.state == known.told:
        return
    known.told = pace.state
    log(
        f"mailbox-{pace.state}",
        logging.WARNING if pace.state == "throttled" else logging.INFO,
        id=mail_id,
        identity=mailbox.identity,
        in_flight=pace.in_flight,
        waiting=pace.waiting,
        seconds=round(pace.closed_until - now, 1) if pace.state == "throttled" else "",
    )
