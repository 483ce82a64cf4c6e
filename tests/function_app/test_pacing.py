"""Who may send now, and who is told to come back when: decisions on plain numbers."""

from itertools import pairwise

import pytest

from function_app.pacing.limits import Limits
from function_app.pacing.pace import (
    FAR,
    LATE,
    LOST,
    MEMORY,
    MOST_PLACES,
    Go,
    Pace,
    Wait,
)

USUAL = Limits.shared(concurrency=4, mails_a_minute=30, instances=1)
NO_RATE = Limits(most_in_flight=4, interval=0)
NOW = 1000.0


def ask(pace: Pace, mail: str, now: float = NOW, returns: int = 0) -> Go | Wait:
    return pace.ask(mail, now, returns)


def wait(pace: Pace, mail: str, now: float = NOW, returns: int = 0) -> float:
    """When `mail`, which may not go, is told to come back."""
    answer = ask(pace, mail, now, returns)
    assert isinstance(answer, Wait)
    return answer.until


def sent(pace: Pace, mail: str, now: float = NOW) -> None:
    answer = ask(pace, mail, now)
    assert isinstance(answer, Go)
    pace.end(answer.at, now)
    pace.reopen(answer.at)


def with_spent_burst(limits: Limits = USUAL) -> Pace:
    pace = Pace(limits)
    for number in range(limits.burst):
        sent(pace, f"early-{number}")
    return pace


def test_after_a_rest_four_go_at_once_and_then_one_every_two_seconds() -> None:
    pace = with_spent_burst()

    assert [NOW + 2, NOW + 4, NOW + 6] == [wait(pace, mail) for mail in "abc"]


def test_many_waiting_mails_come_back_one_by_one() -> None:
    pace = with_spent_burst()
    moments = [wait(pace, str(number)) for number in range(500)]

    assert {2.0} == {later - earlier for earlier, later in pairwise(moments)}
    for number, moment in enumerate(moments):
        sent(pace, str(number), moment)


def test_no_more_go_than_the_mailbox_serves_at_once() -> None:
    pace = Pace(NO_RATE)
    first = [ask(pace, mail) for mail in "abcd"]

    assert [Go(NOW)] * 4 == first
    assert isinstance(ask(pace, "e"), Wait)
    pace.end(NOW, NOW + 0.2)
    assert Go(NOW + 0.2) == ask(pace, "e", NOW + 0.2)


def test_a_wait_of_less_than_a_second_is_no_way_back() -> None:
    pace = with_spent_burst(Limits(most_in_flight=4, interval=0.75))

    assert Go(NOW + 0.75) == ask(pace, "a")
    assert Wait(NOW + 1.5) == ask(pace, "b")


def test_a_mail_that_will_go_in_a_moment_counts_as_under_way() -> None:
    pace = with_spent_burst(Limits(most_in_flight=1, interval=0.75))
    ask(pace, "a")

    assert isinstance(ask(pace, "b", NOW + 0.75), Wait)


def test_who_returns_goes_before_who_comes() -> None:
    pace = with_spent_burst()
    moment = wait(pace, "a")

    assert NOW + 4 == wait(pace, "new", moment - 0.5)
    sent(pace, "a", moment)


def test_who_returns_too_early_keeps_his_place() -> None:
    pace = with_spent_burst()
    for mail in "abc":
        wait(pace, mail)

    assert NOW + 4 == wait(pace, "b", NOW + 0.5)
    sent(pace, "a", NOW + 2)
    sent(pace, "b", NOW + 4)
    sent(pace, "c", NOW + 6)


def test_a_place_whose_mail_does_not_come_holds_nobody_up_for_long() -> None:
    pace = with_spent_burst()
    wait(pace, "gone")

    assert isinstance(ask(pace, "new", NOW + 2), Wait)
    sent(pace, "other", NOW + 2 + LATE + 0.1)


def test_a_place_whose_mail_does_not_come_is_given_up() -> None:
    pace = with_spent_burst()
    moment = wait(pace, "gone")

    assert not pace.is_idle(moment + LOST)
    assert pace.is_idle(moment + LOST + 0.1)


def test_who_comes_back_late_goes_at_once() -> None:
    pace = with_spent_burst()
    for mail in "abc":
        wait(pace, mail)

    sent(pace, "a", NOW + 2 + LATE + 1)


def test_a_mailbox_that_is_slow_makes_a_slow_line() -> None:
    pace = Pace(USUAL)
    for mail in "abcd":
        ask(pace, mail)

    # Four at a time for twenty seconds each are one every five seconds.
    assert [NOW + 25, NOW + 30] == [wait(pace, mail, NOW + 20) for mail in "ef"]


def test_a_mailbox_that_hangs_is_looked_at_again_soon() -> None:
    pace = Pace(USUAL)
    for mail in "abcd":
        ask(pace, mail)

    assert [NOW + 107.5, NOW + 115] == [wait(pace, mail, NOW + 100) for mail in "ef"]


def test_nobody_is_sent_away_for_long_and_all_do_not_come_back_at_once() -> None:
    pace = with_spent_burst(Limits(most_in_flight=4, interval=60))
    moments = [wait(pace, str(number)) - NOW for number in range(900)]

    assert max(moments) <= FAR
    assert max(moments.count(moment) for moment in set(moments)) <= 900 * 60 / (FAR / 2) + 1


def test_a_long_line_is_not_remembered_whole() -> None:
    pace = with_spent_burst(Limits(most_in_flight=4, interval=1.5))
    moments = [wait(pace, str(number)) for number in range(MOST_PLACES + 500)]

    assert MOST_PLACES == pace.waiting
    assert {1.5} == {later - earlier for earlier, later in pairwise(moments)}


def test_to_wait_never_uses_up_the_dequeue_count() -> None:
    pace = Pace(NO_RATE)
    for mail in "abcd":
        ask(pace, mail)
    waited = sum(wait(pace, "e", NOW, returns) - NOW for returns in range(490))

    assert waited > 365 * 24 * 3600
    assert 7 * 24 * 3600 > wait(pace, "e", NOW, 500) - NOW  # as long as a message may be hidden


STATES = [
    (0, 0, "free"),
    (4, 0, "free"),
    (5, 0, "waiting"),
    (5, 20, "throttled"),
]


@pytest.mark.parametrize(("mails", "pause", "state"), STATES)
def test_a_mailbox_is_free_or_waited_for_or_throttled(mails: int, pause: int, state: str) -> None:
    pace = Pace(USUAL)
    for number in range(mails):
        ask(pace, str(number))
    if pause:
        pace.close(NOW, pause)

    assert state == pace.state


def test_a_mailbox_is_idle_when_nothing_of_it_counts_any_more() -> None:
    pace = Pace(USUAL)
    assert pace.is_idle(NOW)

    ask(pace, "a")
    assert not pace.is_idle(NOW + 60)

    pace.end(NOW, NOW + 60)
    assert pace.is_idle(NOW + 60)

    for number in range(4):
        sent(pace, str(number), NOW + 60)
    assert not pace.is_idle(NOW + 67)
    assert pace.is_idle(NOW + 68)

    pace.close(NOW, 90)
    assert not pace.is_idle(NOW + 90 + MEMORY - 1)
    assert pace.is_idle(NOW + 90 + MEMORY)


SHARES = [
    (1, Limits(most_in_flight=4, interval=2, instances=1)),
    (2, Limits(most_in_flight=2, interval=4, instances=2)),
    (3, Limits(most_in_flight=1, interval=6, instances=3)),
    (8, Limits(most_in_flight=1, interval=16, instances=8)),
]


@pytest.mark.parametrize(("instances", "limits"), SHARES)
def test_each_instance_takes_its_share(instances: int, limits: Limits) -> None:
    assert limits == Limits.shared(concurrency=4, mails_a_minute=30, instances=instances)


def test_a_rate_of_nothing_is_no_limit() -> None:
    pace = Pace(Limits.shared(concurrency=4, mails_a_minute=0, instances=1))
    for number in range(1000):
        sent(pace, str(number))
