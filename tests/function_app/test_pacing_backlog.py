"""What becomes of many mails for one mailbox, over hours and days of a simulated time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from function_app.pacing.limits import Limits
from function_app.pacing.pace import Go, Pace
from tests.function_app.simulated_queue import SimulatedQueue

USUAL = Limits.shared(concurrency=4, mails_a_minute=30, instances=1)
HOUR = 3600.0
MAX_DEQUEUE_COUNT = 500
"""In host.json."""


def at_once(mails: int) -> list[float]:
    """As fast as a host may take them."""
    return [number / 100 for number in range(mails)]


def test_five_hundred_mails_wait_once_and_none_longer_than_it_must() -> None:
    queue = SimulatedQueue(USUAL)
    queue.run(at_once(500))

    assert max(queue.began_at.values()) < 500 * 2 + 5
    assert 2 == max(queue.handed_out.values())
    assert list(queue.began_at) == sorted(queue.began_at, key=int)


TROUBLES = {
    "none": (SimulatedQueue(USUAL), 5.6),
    "throttled ten minutes an hour": (
        SimulatedQueue(USUAL, throttled_for=lambda at: 30.0 if at % HOUR < 600 else 0.0),
        7.5,
    ),
    "hanging for an hour": (
        SimulatedQueue(USUAL, seconds_a_send=lambda at: 100.0 if at < HOUR else 0.5),
        6.8,
    ),
    "slow for days": (SimulatedQueue(USUAL, seconds_a_send=lambda at: 100.0), 80),
}


@pytest.mark.parametrize(("queue", "hours"), TROUBLES.values(), ids=TROUBLES)
def test_a_backlog_of_ten_thousand_mails_is_far_from_poison(
    queue: SimulatedQueue, hours: float
) -> None:
    queue.run(at_once(10_000))

    assert 10_000 == len(queue.began_at)
    assert hours > max(queue.began_at.values()) / HOUR
    assert MAX_DEQUEUE_COUNT / 4 > max(queue.handed_out.values())
    assert 4 >= queue.most_in_flight
    assert 30 + 4 >= queue.most_within(60)


def test_mails_that_keep_coming_do_not_overtake_the_waiting() -> None:
    queue = SimulatedQueue(USUAL)
    queue.run([0.0] * 100 + [float(number) for number in range(100)])
    waited = [queue.began_at[str(number)] for number in range(100)]

    assert 100 * 2 + 10 > max(waited)


@pytest.mark.parametrize("mails", [500, 2000])
@pytest.mark.parametrize("instances", [2, 4])
def test_instances_share_a_mailbox_without_wasting_it(instances: int, mails: int) -> None:
    queue = SimulatedQueue(Limits.shared(concurrency=4, mails_a_minute=30, instances=instances))
    queue.run(at_once(mails))

    assert mails * 2 * 1.25 > max(queue.began_at.values())
    assert 4 >= queue.most_in_flight
    assert 30 + 4 * instances >= queue.most_within(60)


def test_without_a_rate_only_the_mailbox_is_the_limit() -> None:
    queue = SimulatedQueue(Limits(most_in_flight=4, interval=0), seconds_a_send=lambda at: 0.2)
    queue.run(at_once(500))

    assert 500 * 0.2 / 4 * 2 > max(queue.began_at.values())


@given(
    st.lists(
        st.tuples(
            st.integers(0, 20), st.floats(0, 30), st.sampled_from(["ask", "end", "close", "sent"])
        ),
        max_size=200,
    )
)
def test_whatever_happens_the_limits_hold(steps: list[tuple[int, float, str]]) -> None:
    pace, now, running, gone = Pace(USUAL), 0.0, list[float](), list[float]()
    for mail, pause, what in steps:
        now += pause
        if what == "ask":
            answer = pace.ask(str(mail), now, mail)
            if isinstance(answer, Go):
                assert now <= answer.at <= now + 1
                assert pace.closed_until <= now
                running.append(answer.at)
                gone.append(answer.at)
            else:
                assert answer.until > now
        elif what == "close":
            pace.close(now, float(mail) if mail else None)
        elif running:
            began = running.pop(mail % len(running))
            pace.end(began, max(now, began))
            if what == "sent":
                pace.reopen(began)
        assert 4 >= len(running)
    for start in gone:
        assert 4 + 30 >= sum(start <= at < start + 60 for at in gone)
