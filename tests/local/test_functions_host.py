"""The Functions host as a program, with a small function app on real queues."""

import signal
import socket
from base64 import b64encode
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from azure.storage.queue import QueueClient

from handoff.storage import Storage
from tests.local.host import Host, Start, until, write_host_json


@pytest.fixture
def second_queue(mail_account: str) -> Iterator[QueueClient]:
    with QueueClient.from_connection_string(mail_account, "second") as queue:
        yield queue


def count(queue: QueueClient) -> int:
    return queue.get_queue_properties().approximate_message_count or 0


def test_a_message_is_run_once_and_deleted(start: Start, storage: Storage) -> None:
    host = start()
    sent = storage.outbound.send_message("hello", time_to_live=-1)
    until(lambda: host.notes("hello") and count(storage.outbound) == 0)
    (run,) = host.notes("hello")

    assert (sent.id, 1) == (run["id"], run["dequeue_count"])
    assert str(sent.inserted_on) == run["times"][0]


@pytest.mark.parametrize("text", ["fail", "return"])
def test_a_message_that_keeps_failing_goes_to_poison(
    start: Start, storage: Storage, text: str
) -> None:
    host = start()
    storage.outbound.send_message(text, time_to_live=-1)
    until(lambda: count(storage.poison) == 1 and count(storage.outbound) == 0)
    (message,) = storage.poison.peek_messages()

    assert message.content == text
    assert message.inserted_on is not None
    assert message.expires_on is not None
    assert message.expires_on - message.inserted_on == timedelta(days=7)
    assert [1, 2] == [run["dequeue_count"] for run in host.notes(text)]
    assert host.has_told(
        "Message has reached MaxDequeueCount of 2. Moving message to queue 'outbound-poison'."
    )


def test_a_failed_message_is_hidden_for_the_visibility_timeout(
    app: Path, start: Start, storage: Storage
) -> None:
    write_host_json(app, visibilityTimeout="00:00:02")
    host = start()
    storage.outbound.send_message("fail")
    until(lambda: len(host.notes("fail")) == 2)
    first, second = host.notes("fail")

    assert second["at"] - first["at"] >= 1.9


def test_a_message_beyond_its_count_goes_to_poison_without_a_run(
    start: Start, storage: Storage
) -> None:
    storage.outbound.send_message("hello")
    for _ in range(2):
        taken = storage.outbound.receive_message(visibility_timeout=60)
        assert taken is not None
        storage.outbound.update_message(taken, visibility_timeout=0)
    host = start()
    until(lambda: count(storage.poison) == 1 and count(storage.outbound) == 0)

    assert host.notes("hello") == []


def test_a_message_put_back_by_its_function_comes_again(start: Start, storage: Storage) -> None:
    host = start()
    storage.outbound.send_message("put-back")
    until(lambda: len(host.notes("put-back")) == 2)

    assert [1, 2] == [run["dequeue_count"] for run in host.notes("put-back")]
    assert host.has_told("fault") == host.has_told("left-to-its-lease") == []


def test_a_message_put_back_during_a_run_is_not_renewed(
    app: Path, start: Start, storage: Storage
) -> None:
    write_host_json(app, newBatchThreshold=1)
    host = start(RELAY_HOST_LEASE_SECONDS="4")
    storage.outbound.send_message("put-back 6")
    until(lambda: len(host.notes("put-back 6")) == 2)

    assert host.notes("put-back 6 done") == []


def test_a_killed_host_leaves_its_message_to_the_lease(start: Start, storage: Storage) -> None:
    first = start(RELAY_HOST_LEASE_SECONDS="3")
    storage.outbound.send_message("sleep 30")
    until(lambda: first.notes("sleep 30"))
    first.child.kill()
    second = start(RELAY_HOST_LEASE_SECONDS="3")
    until(lambda: len(second.notes("sleep 30")) == 2)
    before, after = second.notes("sleep 30")

    assert [1, 2] == [before["dequeue_count"], after["dequeue_count"]]
    assert 2 < after["at"] - before["at"] < 15


def test_a_long_run_keeps_its_lease(app: Path, start: Start, storage: Storage) -> None:
    write_host_json(app, newBatchThreshold=1)  # so that the host looks for more meanwhile
    host = start(RELAY_HOST_LEASE_SECONDS="2")
    storage.outbound.send_message("sleep 5")
    until(lambda: host.notes("sleep 5 done") and count(storage.outbound) == 0)

    assert len(host.notes("sleep 5")) == 1


def test_a_term_signal_waits_for_what_runs_and_takes_no_more(
    start: Start, storage: Storage
) -> None:
    host = start()
    storage.outbound.send_message("sleep 2")
    until(lambda: host.notes("sleep 2"))
    host.child.send(signal.SIGTERM)
    storage.outbound.send_message("too late")

    assert host.child.wait(20) == 0
    assert len(host.notes("sleep 2 done")) == 1
    assert [("too late", 0)] == [
        (message.content, message.dequeue_count) for message in storage.outbound.peek_messages()
    ]


def test_no_more_run_at_once_than_host_json_allows(start: Start, storage: Storage) -> None:
    host = start()
    for _ in range(5):
        storage.outbound.send_message("sleep 1")
    until(lambda: len(host.notes("sleep 1")) == 2)

    assert len(storage.outbound.peek_messages(5)) == 3

    until(lambda: len(host.notes("sleep 1 done")) == 5)

    assert most_at_once(host, "sleep 1") == 2


def test_no_more_run_at_once_than_there_are_threads(start: Start, storage: Storage) -> None:
    host = start(PYTHON_THREADPOOL_THREAD_COUNT="1")
    for _ in range(2):
        storage.outbound.send_message("sleep 1")
    until(lambda: len(host.notes("sleep 1 done")) == 2)

    assert most_at_once(host, "sleep 1") == 1


def most_at_once(host: Host, what: str) -> int:
    begins = [(note["at"], 1) for note in host.notes(what)]
    ends = [(note["at"], -1) for note in host.notes(f"{what} done")]
    running = most = 0
    for _, change in sorted(begins + ends):
        running += change
        most = max(most, running)
    return most


def test_a_function_that_runs_too_long_ends_the_host(
    app: Path, start: Start, storage: Storage
) -> None:
    write_host_json(app, timeout="00:00:01")
    host = start()
    storage.outbound.send_message("sleep 600")

    assert host.child.wait(20) == 3


def test_base64_is_decoded_and_anything_else_is_poison_at_once(
    app: Path, start: Start, storage: Storage
) -> None:
    write_host_json(app, messageEncoding="base64")
    host = start()
    storage.outbound.send_message(b64encode(b"hello").decode())
    storage.outbound.send_message("{hello}")
    until(lambda: host.notes("hello") and count(storage.poison) == 1)
    (message,) = storage.poison.peek_messages()

    assert message.content == "{hello}"
    assert host.notes("{hello}") == []


def test_coroutine_functions_run_and_fail_as_others_do(
    start: Start, second_queue: QueueClient
) -> None:
    host = start()
    second_queue.create_queue()  # the host waits for a queue that is not there yet
    for text in ("hello", "fail", "return"):
        second_queue.send_message(text)
    until(lambda: len(host.notes("fail") + host.notes("return")) == 4 and count(second_queue) == 0)

    assert [1] == [run["dequeue_count"] for run in host.notes("hello")]
    with QueueClient(
        second_queue.url.split("/second")[0], "second-poison", credential=second_queue.credential
    ) as poison:
        assert {"fail", "return"} == {message.content for message in poison.peek_messages(5)}


def test_timers_run_by_schedule_and_at_the_start(start: Start) -> None:
    host = start()
    until(lambda: len(host.notes("tick")) >= 2 and host.notes("first"))

    assert host.notes("tick")[0]["past_due"] is False
    assert len(host.notes("first")) == 1


def test_an_account_that_is_down_is_told_once_and_waited_for(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed_soon:
        port = closed_soon.getsockname()[1]
    host = start(
        MailStorage="DefaultEndpointsProtocol=http;AccountName=a;AccountKey=dGVzdA==;"
        f"QueueEndpoint=http://127.0.0.1:{port}/a;"
    )
    until(lambda: len(host.has_told("queue-unreachable")) == 2)
    until(lambda: len(host.notes("tick")) >= 5)
    host.child.send(signal.SIGTERM)

    assert host.child.wait(20) == 0
    assert len(host.has_told("queue-unreachable")) == 2  # one for each queue
