"""The pauses between attempts."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from function_app.backoff import LONGEST, delay
from function_app.settings import GIVE_UP_AFTER, LONGEST_GIVE_UP_AFTER

HOST = json.loads((Path(__file__).parents[2] / "host.json").read_text())

SECONDS = {1: 5, 2: 10, 3: 20, 4: 40, 10: 2560, 11: 3600, 12: 3600, 1000: 3600}


@pytest.mark.parametrize(("attempt", "seconds"), SECONDS.items())
def test_pauses_double_up_to_an_hour(attempt: int, seconds: int) -> None:
    assert timedelta(seconds=seconds) == delay(attempt, None, 0.5)


def test_pauses_are_scattered_by_a_fifth() -> None:
    shortest, longest = delay(4, None, 0.0), delay(4, None, 1.0)

    assert (timedelta(seconds=32), timedelta(seconds=48)) == (shortest, longest)


@given(
    st.integers(1, 10_000),
    st.none() | st.timedeltas(timedelta(0), timedelta(hours=1)),
    st.floats(0, 1),
)
def test_no_pause_is_shorter_than_retry_after(
    attempt: int, retry_after: timedelta | None, jitter: float
) -> None:
    pause = delay(attempt, retry_after, jitter)

    assert (retry_after or timedelta(0)) <= pause <= LONGEST * 1.2


def test_mails_that_were_told_the_same_pause_do_not_come_back_together() -> None:
    minute = timedelta(minutes=1)

    assert delay(1, minute, 0.1) < delay(1, minute, 0.9)


def attempts_within(age: timedelta) -> int:
    waited, attempts = timedelta(0), 1
    while waited < age:
        waited += delay(attempts, None, 0.0)
        attempts += 1
    return attempts


def test_the_host_counts_further_than_the_attempts_go() -> None:
    # The host puts a message into the poison queue unseen when it came too often. Half of the
    # count is for returns that are no attempts: crashes, a busy row, a storage fault.
    count = HOST["extensions"]["queues"]["maxDequeueCount"]

    assert 70 == attempts_within(GIVE_UP_AFTER)
    assert attempts_within(LONGEST_GIVE_UP_AFTER) * 2 < count
