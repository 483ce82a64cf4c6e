"""Turns to send: over several mailboxes and threads, and what the log says of them."""

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier, Lock
from typing import Any

import pytest

from function_app.outcome import Deferred, Sent
from function_app.pacing.limits import Limits
from function_app.pacing.turns import Pacing, Turn
from tests.builders import a_ticket
from tests.function_app.desk import events

USUAL = Limits.shared(concurrency=4, mails_a_minute=30, instances=1)
SENT = Sent("scripted", "request-1")
THROTTLED = Deferred("ApplicationThrottled", "Too much.", is_throttled=True)


class Desk:
    """Asks for turns, at a time that stands."""

    def __init__(self, limits: Limits = USUAL) -> None:
        self.now = 1000.0
        self.pacing = Pacing(limits, lambda: self.now)
        self._count = 0

    def ask(self, mailbox: str = "scan@contoso.com", **changes: Any) -> Turn | timedelta:
        self._count += 1
        ticket = a_ticket(mailbox=mailbox, **changes)
        return self.pacing.turn(ticket, f"message-{self._count}", 0)

    def turn(self, mailbox: str = "scan@contoso.com", **changes: Any) -> Turn:
        answer = self.ask(mailbox, **changes)
        assert isinstance(answer, Turn)
        return answer


def test_a_mailbox_has_one_pace_however_it_is_written() -> None:
    desk = Desk()
    for mailbox in ("Scan@contoso.com", "scan@CONTOSO.com") * 2:
        desk.turn(mailbox)

    assert isinstance(desk.ask(), timedelta)


def test_another_mailbox_and_another_identity_have_paces_of_their_own() -> None:
    desk = Desk()
    for _ in range(4):
        desk.turn()

    assert isinstance(desk.ask("other@contoso.com"), Turn)
    assert isinstance(desk.ask(identity="plant"), Turn)
    assert 3 == len(desk.pacing)


def test_a_turn_ends_with_its_block() -> None:
    desk = Desk(Limits(most_in_flight=1, interval=0))
    for _ in range(3):
        with desk.turn():
            assert isinstance(desk.ask(), timedelta)


def test_a_turn_ends_once() -> None:
    desk = Desk(Limits(most_in_flight=2, interval=0))
    with desk.turn() as turn:
        desk.turn()
        turn.end(SENT)
    desk.turn()

    assert isinstance(desk.ask(), timedelta)


def test_a_turn_that_ends_in_a_fault_is_given_back() -> None:
    desk = Desk(Limits(most_in_flight=1, interval=0))
    with pytest.raises(ZeroDivisionError), desk.turn():
        raise ZeroDivisionError

    desk.turn()


@pytest.mark.parametrize(("after", "seconds"), [(timedelta(seconds=20), 20), (None, 2)])
def test_what_a_throttled_mail_was_told_counts_for_all(
    after: timedelta | None, seconds: int
) -> None:
    desk = Desk()
    desk.turn().end(Deferred("x", "y", after=after, is_throttled=True))

    assert timedelta(seconds=seconds) == desk.ask()


def test_another_fault_of_one_mail_is_its_own() -> None:
    desk = Desk()
    desk.turn().end(Deferred("no-answer", "It hangs.", after=timedelta(seconds=20), unsure=True))

    desk.turn()


def test_a_short_wait_is_slept() -> None:
    pacing = Pacing(Limits(most_in_flight=4, interval=0.2, burst=1))
    began_at = time.monotonic()
    turns = [pacing.turn(a_ticket(), str(number), 0) for number in range(3)]

    assert all(isinstance(turn, Turn) for turn in turns)
    assert time.monotonic() - began_at >= 0.4


def test_threads_never_have_more_turns_than_there_are() -> None:
    pacing, lock, start = Pacing(Limits(most_in_flight=4, interval=0)), Lock(), Barrier(12)
    under_way, most, turns = 0, 0, 0

    def work(number: int) -> None:
        nonlocal under_way, most, turns
        start.wait()
        for round_ in range(200):
            turn = pacing.turn(a_ticket(), f"{number}-{round_}", 0)
            if isinstance(turn, timedelta):
                continue
            with turn:
                with lock:
                    turns += 1
                    under_way += 1
                    most = max(most, under_way)
                with lock:
                    under_way -= 1

    with ThreadPoolExecutor(12) as workers:
        list(workers.map(work, range(12)))

    assert 4 >= most
    assert turns > 12


def test_a_state_is_logged_once_and_without_an_address(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    desk = Desk()
    turns = [desk.turn() for _ in range(4)]
    for _ in range(5):
        desk.ask()
    turns[0].end(THROTTLED)
    turns[1].end(THROTTLED)
    for _ in range(5):
        desk.ask()

    waiting, throttled = events(caplog)
    assert ("mailbox-waiting", 4, 1) == tuple(
        waiting[name] for name in ("event", "in_flight", "waiting")
    )
    assert ("mailbox-throttled", 2.0) == (throttled["event"], throttled["seconds"])
    assert "contoso" not in caplog.text


def test_the_log_says_when_a_mailbox_is_free_again(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    desk = Desk()
    desk.turn().end(THROTTLED)
    desk.now += 2
    desk.turn().end(SENT)

    assert ["mailbox-throttled", "mailbox-free"] == [event["event"] for event in events(caplog)]


def test_mailboxes_that_rest_are_forgotten() -> None:
    desk = Desk()
    for number in range(1000):
        with desk.turn(f"m{number}@contoso.com"):
            pass
    desk.now += 61
    desk.turn()

    assert 1 == len(desk.pacing)


def test_a_mailbox_that_is_in_use_is_not_forgotten() -> None:
    desk = Desk()
    turn = desk.turn()
    desk.now += 3600
    desk.turn("other@contoso.com")

    assert 2 == len(desk.pacing)
    turn.end(SENT)
