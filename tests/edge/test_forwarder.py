"""The forwarder, over the real spool into real Azurite."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from edge.forwarder import Forwarder, pause_before_try
from edge.metrics import Metrics
from edge.settings import ForwarderSettings, SpoolSettings
from edge.spool import Spool
from handoff.account import Account
from handoff.content import read_content
from handoff.outbox import Outbox
from handoff.storage import Storage
from handoff.ticket import Ticket, decode
from tests.builders import MAIL
from tests.edge.test_spool import LARGE, put


@pytest.fixture
async def spool(tmp_path: Path) -> AsyncIterator[Spool]:
    spool = Spool.open(SpoolSettings(directory=tmp_path))
    yield spool
    await spool.close()


async def until(is_so: Callable[[], bool], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it did not come to pass"
        await asyncio.sleep(0.01)


def tickets_in(storage: Storage) -> list[Ticket]:
    return [decode(message.content) for message in storage.outbound.receive_messages()]


async def drain(spool: Spool, account: str) -> Metrics:
    metrics = Metrics()
    async with Outbox(Account(connection_string=account)) as outbox:
        forwarder = Forwarder(spool, outbox, ForwarderSettings(), metrics)
        running = asyncio.create_task(forwarder.run())
        await asyncio.wait_for(forwarder.drained(), 15)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    return metrics


async def test_small_mail_goes_into_its_ticket(
    spool: Spool, storage: Storage, mail_account: str
) -> None:
    spooled = await put(spool, MAIL)
    await drain(spool, mail_account)
    (ticket,) = tickets_in(storage)

    assert ticket.content.mime is not None
    assert ticket.model_copy(update={"content": spooled.content}) == spooled
    assert read_content(ticket.content, storage.mail) == MAIL


@pytest.mark.parametrize("octets", [b"y" * 60_000, LARGE, LARGE * 12])
async def test_large_mail_goes_into_a_blob_first(
    octets: bytes, spool: Spool, storage: Storage, mail_account: str
) -> None:
    spooled = await put(spool, octets)
    await drain(spool, mail_account)
    (ticket,) = tickets_in(storage)

    assert ticket == spooled
    assert read_content(ticket.content, storage.mail) == octets


async def test_content_of_old_mail_does_not_rely_on_an_earlier_try(
    spool: Spool, storage: Storage, mail_account: str
) -> None:
    spooled = await put(spool, LARGE, age=timedelta(days=8))
    storage.mail.upload_blob(str(spooled.content.blob), LARGE)
    await drain(spool, mail_account)
    (ticket,) = tickets_in(storage)

    assert ticket.content.blob == f"{datetime.now(UTC):%Y/%m/%d}/00/{spooled.id}.eml"
    assert read_content(ticket.content, storage.mail) == LARGE


async def test_mail_that_waited_before_the_start_is_forwarded(
    tmp_path: Path, storage: Storage, mail_account: str
) -> None:
    spool = Spool.open(SpoolSettings(directory=tmp_path))
    for _ in range(50):
        await put(spool, MAIL)
    await spool.close()
    spool = Spool.open(SpoolSettings(directory=tmp_path))
    await drain(spool, mail_account)
    count = storage.outbound.get_queue_properties().approximate_message_count

    assert count == 50
    assert spool.messages == 0

    await spool.close()


async def test_mail_waits_for_a_storage_account_out_of_reach(
    spool: Spool, storage: Storage, mail_account: str
) -> None:
    await put(spool, MAIL)
    await put(spool, LARGE)
    storage.outbound.delete_queue()
    metrics = Metrics()
    down = mail_account.replace("QueueEndpoint=http://127.0.0.1", "QueueEndpoint=http://127.0.0.2")
    async with Outbox(Account(connection_string=down)) as outbox:
        forwarder = Forwarder(spool, outbox, ForwarderSettings(longest_pause=0.1), metrics)
        running = asyncio.create_task(forwarder.run())
        await until(lambda: _value(metrics, "relay_forward_faults_total") >= 4)

        assert forwarder.uplink.fault is not None
        assert "Cannot connect" in forwarder.uplink.fault
        assert _value(metrics, "relay_uplink_up") == 0

        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    assert spool.messages == 2

    metrics = await drain(spool, mail_account)

    assert spool.messages == 0
    assert _value(metrics, "relay_forwarded_total") == 2
    assert _value(metrics, "relay_uplink_up") == 1


async def test_a_damaged_entry_is_held_and_delays_nobody(
    spool: Spool, storage: Storage, mail_account: str
) -> None:
    damaged = await put(spool, LARGE)
    await put(spool, MAIL)
    (spool.draft(damaged.id, 0).path).unlink()
    metrics = Metrics()
    async with Outbox(Account(connection_string=mail_account)) as outbox:
        forwarder = Forwarder(spool, outbox, ForwarderSettings(), metrics)
        running = asyncio.create_task(forwarder.run())
        await until(lambda: _value(metrics, "relay_forwarded_total") == 1)
        await until(lambda: _value(metrics, "relay_spool_held_total") == 1)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    assert len(tickets_in(storage)) == 1
    assert spool.messages == 1


async def test_a_damaged_entry_that_cannot_be_held_waits_for_the_next_start_and_delays_no_stop(
    spool: Spool, tmp_path: Path, mail_account: str
) -> None:
    damaged = await put(spool, LARGE)
    (spool.draft(damaged.id, 0).path).unlink()
    with closing(sqlite3.connect(tmp_path / "spool.sqlite3")) as other:
        other.execute(
            "CREATE TRIGGER refuse BEFORE UPDATE ON entries BEGIN SELECT RAISE(FAIL, 'no'); END"
        )
    unhandled: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, fault: unhandled.append(fault))
    with capture_logs() as logs:
        async with Outbox(Account(connection_string=mail_account)) as outbox:
            forwarder = Forwarder(spool, outbox, ForwarderSettings(), Metrics())
            running = asyncio.create_task(forwarder.run())
            await until(lambda: bool(unhandled) or "not_held" in [log["event"] for log in logs])
            await asyncio.wait_for(forwarder.drained(), 15)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    assert unhandled == []
    assert [entry.id for entry in await spool.next_entries(0, 1)] == [damaged.id]


def test_pauses_grow_to_their_limit() -> None:
    pauses = [pause_before_try(failures, 60, jitter=0.5) for failures in range(1, 12)]

    assert pauses[:4] == [0.5, 1, 2, 4]
    assert pauses[-1] == 60
    assert pause_before_try(10**9, 60, jitter=0.0) == 45


def _value(metrics: Metrics, name: str) -> float:
    return metrics.registry.get_sample_value(name) or 0.0
