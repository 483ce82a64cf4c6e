"""How Microsoft Entra is asked: by whom, how often, how many at once, and for how long."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from edge.entra.answers import Verdict
from edge.entra.check import EntraCheck, _Applications
from edge.entra.logins import ApplicationLogin, UserLogin
from edge.entra.settings import EntraSettings
from local.graph_simulator.client import SimulatorClient
from tests.edge.test_entra_logins import CLIENT, TENANT
from tests.edge.test_entra_sign_in import ANN, PASSWORD, PUBLIC, SECRET

OTHER = "44444444-4444-4444-4444-444444444444"
APPLICATION, USER = ApplicationLogin(TENANT, CLIENT), UserLogin(ANN)


def through(authority: str, client_id: str = CLIENT) -> EntraSettings:
    return EntraSettings.model_validate(
        {
            "tenants": [TENANT, OTHER],
            "users": {"tenant": TENANT, "client_id": client_id, "client_secret": SECRET},
            "sealing_key": PUBLIC,
            "authority": authority,
        }
    )


@pytest.fixture
def entra(graph: SimulatorClient, monkeypatch: pytest.MonkeyPatch) -> EntraSettings:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", graph.ca_file)
    graph.know(TENANT, CLIENT, SECRET, users={ANN: PASSWORD})
    return through(graph.entra)


@asynccontextmanager
async def a_check(patience: float = 20.0) -> AsyncIterator[EntraCheck]:
    check = EntraCheck(patience=patience)
    try:
        yield check
    finally:
        check.close()


@asynccontextmanager
async def all_threads_busy(check: EntraCheck) -> AsyncIterator[None]:
    done = threading.Event()
    for _ in range(8):
        check._threads.submit(done.wait, 30)
    try:
        yield
    finally:
        check.close()  # what waits is not asked
        done.set()


async def test_what_was_right_through_one_application_is_asked_anew_through_another(
    graph: SimulatorClient, entra: EntraSettings
) -> None:
    async with a_check() as check:
        first = await check.judge(entra, USER, PASSWORD)
        other = await check.judge(through(graph.entra, OTHER), USER, PASSWORD)

    assert Verdict.RIGHT == first.verdict
    assert (Verdict.LATER, "AADSTS700016") == (other.verdict, other.code)
    assert "[entra.users]" in other.advice


@pytest.mark.parametrize(("login", "password"), [(USER, PASSWORD), (APPLICATION, SECRET)])
async def test_what_was_right_in_one_cloud_is_asked_anew_in_another(
    entra: EntraSettings, login: UserLogin | ApplicationLogin, password: str
) -> None:
    async with a_check() as check:
        first = await check.judge(entra, login, password)
        other = await check.judge(through("https://127.0.0.1:9"), login, password)

    assert (Verdict.RIGHT, Verdict.LATER) == (first.verdict, other.verdict)


async def test_a_tenant_that_is_not_there_is_wrong_for_good(entra: EntraSettings) -> None:
    async with a_check() as check:
        judgement = await check.judge(entra, ApplicationLogin(OTHER, CLIENT), SECRET)

    assert (Verdict.WRONG, "AADSTS90002") == (judgement.verdict, judgement.code)


async def test_where_entra_is_asked_is_learned_once(
    graph: SimulatorClient, entra: EntraSettings
) -> None:
    async with a_check() as check:
        clock = check._clock
        for age in (0, 400):
            check._clock = lambda age=age: clock() + age  # type: ignore[misc]
            for login, password in ((APPLICATION, SECRET), (USER, PASSWORD)):
                assert Verdict.RIGHT == (await check.judge(entra, login, password)).verdict

    assert 4 == len(graph.requests("/oauth2/v2.0/token"))
    assert 2 == len(graph.requests("/openid-configuration"))


async def test_no_token_of_a_user_is_kept(entra: EntraSettings) -> None:
    async with a_check() as check:
        await check.judge(entra, USER, PASSWORD)
        (application,) = check._applications._kept.values()

        assert [] == application.get_accounts()
        assert [] == list(application.token_cache.search("RefreshToken"))


async def test_a_session_does_not_wait_for_ever() -> None:
    async with a_check(patience=0.05) as check, all_threads_busy(check):
        judgement = await check.judge(through("https://127.0.0.1:9"), USER, PASSWORD)

    assert (Verdict.LATER, "entra-timeout") == (judgement.verdict, judgement.code)


async def test_too_many_at_once_are_asked_to_come_back() -> None:
    settings = through("https://127.0.0.1:9")
    async with a_check() as check:
        async with all_threads_busy(check):
            waiting = [
                asyncio.create_task(check.judge(settings, USER, f"password {number}"))
                for number in range(64)
            ]
            await asyncio.sleep(0)
            judgement = await asyncio.wait_for(check.judge(settings, USER, "one more"), 5)
        for task in waiting:
            with suppress(asyncio.CancelledError):
                await task

    assert (Verdict.LATER, "busy") == (judgement.verdict, judgement.code)


def test_of_the_applications_the_longest_unused_goes_first() -> None:
    applications = _Applications()
    keys = [(str(number).encode(), "authority") for number in range(257)]
    for key in keys[:256]:
        applications.keep(key, object())
    applications.find(keys[0])
    applications.keep(keys[256], object())

    assert applications.find(keys[1]) is None
    assert applications.find(keys[0]) is not None
    assert applications.find(keys[256]) is not None
