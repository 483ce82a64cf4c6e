"""The host's decisions: tables."""

from datetime import UTC, datetime, timedelta

import pytest

from local.functions_host.ncrontab import BadSchedule, next_occurrence, read_schedule
from local.functions_host.rules import (
    BadHostJson,
    Fate,
    HostJson,
    after_run,
    before_run,
    body_of,
    polling_pause,
    read_host_json,
    renewal_pause,
    wants_batch,
)

HOST = HostJson(max_dequeue_count=3, batch_size=8, new_batch_threshold=4)


@pytest.mark.parametrize(("count", "fate"), [(1, Fate.RUN), (3, Fate.RUN), (4, Fate.POISON)])
def test_a_message_beyond_its_count_is_not_run(count: int, fate: Fate) -> None:
    assert fate == before_run(count, HOST)


@pytest.mark.parametrize(
    ("succeeded", "count", "fate"),
    [
        (True, 1, Fate.DELETE),
        (True, 3, Fate.DELETE),
        (False, 2, Fate.RELEASE),
        (False, 3, Fate.POISON),
    ],
)
def test_a_message_after_its_run(succeeded: bool, count: int, fate: Fate) -> None:
    assert fate == after_run(succeeded, count, HOST)


def test_the_next_batch_waits_for_room() -> None:
    assert wants_batch(4, HOST)
    assert not wants_batch(5, HOST)


def test_pauses_double_up_to_the_longest() -> None:
    pauses = [polling_pause(empty, longest=2, chance=0.5) for empty in range(9)]

    assert [0.1, 0.1, 0.2, 0.3, 0.5, 0.9, 1.7, 2, 2] == pytest.approx(pauses)
    assert polling_pause(10**6, longest=60, chance=0.5) == 60


@pytest.mark.parametrize(("chance", "expected"), [(0, 0.42), (0.5, 0.5), (1, 0.58)])
def test_pauses_are_scattered(chance: float, expected: float) -> None:
    assert expected == pytest.approx(polling_pause(4, longest=2, chance=chance))


def test_leases_are_renewed_at_half_and_sooner_after_a_fault() -> None:
    pauses = [renewal_pause(None, 600)]
    for _ in range(4):
        pauses.append(renewal_pause(pauses[-1], 600))

    assert [300, 150, 75, 60, 60] == pauses


def test_bodies_are_decoded_as_host_json_says() -> None:
    assert body_of("eyJ9", HostJson(is_base64=True)) == '{"}'
    assert body_of("{}", HostJson(is_base64=True)) is None
    assert body_of("/w==", HostJson(is_base64=True)) is None
    assert body_of("{}", HostJson(is_base64=False)) == "{}"


def test_host_json_has_the_documented_defaults() -> None:
    host = read_host_json('{"version": "2.0"}', processors=2)

    assert host == HostJson(16, 16, 5, timedelta(0), timedelta(minutes=1), True)


def test_host_json_is_read() -> None:
    host = read_host_json(
        '{"version": "2.0", "functionTimeout": "00:05:00", "extensions": {"queues": {'
        '"batchSize": 8, "newBatchThreshold": 4, "maxDequeueCount": 9, "messageEncoding": "none",'
        '"visibilityTimeout": "00:00:30", "maxPollingInterval": "00:00:02"}}}',
        processors=2,
    )
    thirty, two = timedelta(seconds=30), timedelta(seconds=2)

    assert host == HostJson(8, 4, 9, thirty, two, False, timedelta(minutes=5))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"version": "1.0"}',
        '{"version": "2.0", "functionTimeout": "5 minutes"}',
        '{"version": "2.0", "extensions": {"queues": {"batchSize": 33}}}',
        '{"version": "2.0", "extensions": {"queues": {"batchSize": true}}}',
        '{"version": "2.0", "extensions": {"queues": {"maxDequeueCount": 0}}}',
        '{"version": "2.0", "extensions": {"queues": {"maxPollingInterval": "00:00:00.05"}}}',
        '{"version": "2.0", "extensions": {"queues": []}}',
        '{"version": "2.0", "extensions": 1}',
        '{"version": "2.0", "extensions": {"queues": {"messageEncoding": "rot13"}}}',
    ],
)
def test_a_bad_host_json_is_refused(text: str) -> None:
    with pytest.raises(BadHostJson):
        read_host_json(text, processors=2)


def test_a_function_may_run_for_ever() -> None:
    host = read_host_json('{"version": "2.0", "functionTimeout": "-1"}', processors=1)

    assert host.function_timeout is None


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("0 */5 * * * *", "2026-11-21T05:05:00"),
        ("*/10 * * * * *", "2026-11-21T05:00:20"),
        ("0 30 9 * * 1-5", "2026-11-23T09:30:00"),
        ("0 0 0 1 * *", "2026-12-01T00:00:00"),
        ("0 0 12 29 2 *", "2028-02-29T12:00:00"),
        ("0 0 0 * * 7", "2026-11-22T00:00:00"),
        ("30 0,15 5 * * *", "2026-11-21T05:00:30"),
        ("*/5 * * * *", "2026-11-21T05:05:00"),
    ],
)
def test_a_schedule_comes_due_when_it_says(expression: str, expected: str) -> None:
    now = datetime(2026, 11, 21, 5, 0, 10, 500, UTC)
    due = next_occurrence(read_schedule(expression), now)

    assert datetime.fromisoformat(expected).replace(tzinfo=UTC) == due


@pytest.mark.parametrize(
    "expression", ["", "* * *", "60 * * * * *", "0 a * * * *", "0 5-1 * * * *"]
)
def test_bad_schedules_are_refused(expression: str) -> None:
    with pytest.raises(BadSchedule):
        read_schedule(expression)


def test_a_schedule_that_never_comes_due_is_refused() -> None:
    with pytest.raises(BadSchedule, match="never"):
        next_occurrence(read_schedule("0 0 0 31 2 *"), datetime(2026, 1, 1, tzinfo=UTC))
