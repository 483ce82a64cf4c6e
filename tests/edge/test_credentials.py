"""Passwords: right ones are remembered, wrong and unknown ones are not."""

import asyncio
import time
from collections.abc import Awaitable, Iterator

import pytest
from argon2 import PasswordHasher

from edge.credentials import PasswordCheck, hash_password

HASH = hash_password("K7mQ2xVt9RpH4wNe")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def check(clock: Clock) -> Iterator[PasswordCheck]:
    check = PasswordCheck(clock)
    yield check
    check.close()


async def test_only_the_right_password_fits(check: PasswordCheck) -> None:
    assert await check.is_right(HASH, "K7mQ2xVt9RpH4wNe")
    assert not await check.is_right(HASH, "k7mQ2xVt9RpH4wNe")
    assert not await check.is_right(HASH, "")
    assert not await check.is_right("$argon2id$damaged", "K7mQ2xVt9RpH4wNe")


async def test_a_wrong_password_after_the_right_one_is_refused(check: PasswordCheck) -> None:
    assert await check.is_right(HASH, "K7mQ2xVt9RpH4wNe")
    assert not await check.is_right(HASH, "wrong")
    assert not await check.is_right(hash_password("other"), "K7mQ2xVt9RpH4wNe")


async def test_a_right_password_is_cheap_for_a_while(check: PasswordCheck, clock: Clock) -> None:
    costs = []
    for _ in range(3):
        began = time.perf_counter()
        await check.is_right(HASH, "K7mQ2xVt9RpH4wNe")
        costs.append(time.perf_counter() - began)
        clock.now += 200

    assert costs[1] < costs[0] / 5
    assert costs[2] > costs[1] * 5


async def test_sessions_that_bring_one_password_at_once_wait_for_one_answer(
    check: PasswordCheck,
) -> None:
    began = time.process_time()
    await asyncio.gather(*(check.is_right(HASH, f"wrong {number}") for number in range(10)))
    ten_passwords = time.process_time() - began
    began = time.process_time()
    answers = await asyncio.gather(*(check.is_right(HASH, "K7mQ2xVt9RpH4wNe") for _ in range(10)))
    one_password = time.process_time() - began

    assert answers == [True] * 10
    assert one_password < ten_passwords / 2


async def test_a_session_that_ends_leaves_the_others_their_answer(check: PasswordCheck) -> None:
    leaving, staying = (
        asyncio.ensure_future(check.is_right(HASH, "K7mQ2xVt9RpH4wNe")) for _ in range(2)
    )
    await asyncio.sleep(0)
    leaving.cancel()

    assert await staying


async def test_an_unknown_device_costs_as_much_as_a_wrong_password(check: PasswordCheck) -> None:
    known: list[float] = []
    unknown: list[float] = []
    for number in range(7):
        for ask, costs in (
            (lambda password: check.is_right(HASH, password), known),
            (lambda password: check.refuse("nobody", [], password), unknown),
        ):
            began = time.process_time()
            await ask(f"wrong {number}")
            costs.append(time.process_time() - began)

    assert 0.5 < sorted(known)[3] / sorted(unknown)[3] < 2


async def test_a_refusal_takes_the_time_of_some_device_whatever_its_hash_costs(
    check: PasswordCheck,
) -> None:
    costly = PasswordHasher(time_cost=12, memory_cost=19 * 1024, parallelism=1).hash("right")

    async def cost_of(asked: Awaitable[object]) -> float:
        began = time.process_time()
        await asked
        return time.process_time() - began

    of_device = await cost_of(check.is_right(costly, "wrong"))
    of_nobody = await cost_of(check.refuse("nobody", [costly], "wrong"))
    of_none = await cost_of(check.refuse("nobody", [], "wrong"))

    assert of_device / 2 < of_nobody < of_device * 2
    assert of_none < of_nobody


async def test_refusals_share_no_answer(check: PasswordCheck) -> None:
    async def cost_of(*logins: str) -> float:
        began = time.process_time()
        await asyncio.gather(*(check.refuse(login, [HASH], "wrong") for login in logins))
        return time.process_time() - began

    assert await cost_of(*"abcdefgh") > 3 * await cost_of("a")
