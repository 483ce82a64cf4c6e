"""After an outage: one at a time, then more and more."""

import asyncio
import time
from contextlib import AsyncExitStack
from pathlib import Path

from edge.forwarder import Forwarder
from edge.metrics import Metrics
from edge.ramp import Ramp
from edge.settings import ForwarderSettings, SpoolSettings
from edge.spool import Spool
from handoff.account import Account
from handoff.outbox import Outbox
from tests.builders import MAIL
from tests.edge.test_spool import put
from tests.function_app.faulty_storage import Fault, faulty_storage

MOST = 6


async def most_at_once(ramp: Ramp, tasks: int = 30) -> int:
    """How many of `tasks` had a turn at the same time."""
    now, most = 0, 0

    async def take_one() -> None:
        nonlocal now, most
        async with ramp.turn():
            now += 1
            most = max(most, now)
            await asyncio.sleep(0)
            now -= 1

    await asyncio.gather(*(take_one() for _ in range(tasks)))
    return most


async def test_without_a_fault_all_go_that_may() -> None:
    assert await most_at_once(Ramp(MOST)) == MOST


async def test_after_a_fault_they_go_one_by_one() -> None:
    ramp = Ramp(MOST)
    ramp.begin_anew()

    assert await most_at_once(ramp) == 1


async def test_each_width_must_succeed_before_the_next() -> None:
    ramp, widths = Ramp(MOST), []
    ramp.begin_anew()
    for _ in range(40):
        widths.append(ramp.width)
        ramp.widen()

    assert widths[:11] == [1, 2, 2, 3, 3, 3, 4, 4, 4, 4, 5]
    assert widths[-1] == MOST


async def test_what_waits_for_a_turn_goes_on_when_the_ramp_widens() -> None:
    ramp = Ramp(2)
    ramp.begin_anew()
    async with AsyncExitStack() as held:
        await held.enter_async_context(ramp.turn())
        second = asyncio.create_task(most_at_once(ramp, tasks=1))
        await asyncio.sleep(0)
        ramp.widen()
        await held.aclose()

        assert await asyncio.wait_for(second, 5) == 1


async def test_a_blip_that_many_see_at_once_is_one_failure(
    tmp_path: Path, mail_account: str
) -> None:
    """Else sixteen that fail together would be taken for an outage, and cost a minute."""
    settings = ForwarderSettings()
    spool = Spool.open(SpoolSettings(directory=tmp_path))
    for _ in range(40):
        await put(spool, MAIL)
    blip = Fault("refuse", "Queue", "POST", "/outbound/messages", times=settings.concurrency)
    began = time.monotonic()
    with faulty_storage(mail_account, blip) as way:
        async with Outbox(Account(connection_string=way)) as outbox:
            forwarder = Forwarder(spool, outbox, settings, Metrics())
            running = asyncio.create_task(forwarder.run())
            await asyncio.wait_for(forwarder.drained(), 30)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
    await spool.close()

    assert time.monotonic() - began < 20
