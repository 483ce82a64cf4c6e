"""Clients that sign in with Microsoft Entra: real door, real MSAL, a simulated Entra over TLS."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from handoff.sealed import ApplicationCredential, OpeningKeys, UserCredential, new_key_pair
from local.graph_simulator.client import SimulatorClient
from tests.edge.door import SCANNER, Door, open_door, trusting_context
from tests.edge.talk import Talk, talk
from tests.edge.test_entra_logins import CLIENT, TENANT, short

SECRET = "Abc8Q~s3cr3t.of_the-application_40chars~"
PASSWORD = "C0rrect horse"
ANN = "ann@contoso.com"
PRIVATE, PUBLIC = new_key_pair()
OPENING = OpeningKeys.read([PRIVATE])
LOGIN = f"{TENANT}@{CLIENT}"
SIGNED_IN = "235 2.7.0 Authentication successful"
REFUSED = "535 5.7.8 Authentication failed"
LATER = "454 4.7.0 Cannot check credentials now, try again later"
MAIL = b"Subject: x\r\n\r\nHello.\r\n"


@pytest.fixture
def entra(graph: SimulatorClient, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """[entra] with all ways open."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", graph.ca_file)
    graph.know(TENANT, CLIENT, SECRET, users={ANN: PASSWORD})
    return {
        "authority": graph.entra,
        "tenants": [TENANT],
        "sealing_key": PUBLIC,
        "users": {"tenant": TENANT, "client_id": CLIENT, "client_secret": SECRET},
    }


async def signed_in(door: Door, login: str, password: str) -> str:
    async with _talk(door) as client:
        return await client.sign_in(password, login)


class _talk:
    def __init__(self, door: Door) -> None:
        self._inner = talk(door)

    async def __aenter__(self) -> Talk:
        client = await self._inner.__aenter__()
        await client.start_tls(trusting_context())
        await client.say("EHLO x")
        return client

    async def __aexit__(self, *fault: Any) -> None:
        await self._inner.__aexit__(*fault)


def asked(graph: SimulatorClient) -> int:
    return len(graph.requests("/oauth2/v2.0/token"))


@pytest.mark.parametrize(
    "login",
    [LOGIN, f"{TENANT}:{CLIENT}", f"{short(TENANT)}|{short(CLIENT)}", f"{LOGIN}.local"],
)
async def test_an_application_signs_in_and_its_credential_travels_sealed(
    tmp_path: Path, graph: SimulatorClient, entra: dict[str, Any], login: str
) -> None:
    async with open_door(tmp_path, entra=entra) as door, _talk(door) as client:
        answer = await client.sign_in(SECRET, login)
        kept = await client.mail(MAIL, "erp@contoso.com")
        (ticket,) = await door.tickets()

    assert answer == SIGNED_IN
    assert kept.startswith("250 ")
    assert ("erp@contoso.com", "keep", CLIENT) == (
        ticket.send_as.mailbox,
        ticket.send_as.from_policy,
        ticket.device,
    )
    assert ticket.send_as.sealed is not None
    assert ApplicationCredential(TENANT, CLIENT, SECRET) == OPENING.open(ticket.send_as.sealed)
    assert SECRET not in ticket.model_dump_json()


async def test_an_application_without_a_reverse_path_has_no_mailbox(
    tmp_path: Path, entra: dict[str, Any]
) -> None:
    async with open_door(tmp_path, entra=entra) as door, _talk(door) as client:
        await client.sign_in(SECRET, LOGIN)

        assert (await client.say("MAIL FROM:<>")).startswith("553 5.7.1 ")


async def test_an_alias_stands_for_a_login_that_is_too_long(
    tmp_path: Path, entra: dict[str, Any]
) -> None:
    alias = {"name": "erp", "tenant": TENANT, "client_id": CLIENT, "send_as": "erp@contoso.com"}
    settings = entra | {"aliases": [alias]}
    async with open_door(tmp_path, entra=settings) as door, _talk(door) as client:
        answer = await client.sign_in(SECRET, "ERP@lookup")
        await client.mail(MAIL, "")
        (ticket,) = await door.tickets()

    assert answer == SIGNED_IN
    assert ("erp", "erp@contoso.com") == (ticket.device, ticket.send_as.mailbox)


async def test_two_tenants_sign_in_at_once(
    tmp_path: Path, graph: SimulatorClient, entra: dict[str, Any]
) -> None:
    graph.know(CLIENT, TENANT, "another secret")
    settings = entra | {"tenants": [TENANT, CLIENT]}
    async with open_door(tmp_path, entra=settings) as door:
        answers = await asyncio.gather(
            signed_in(door, LOGIN, SECRET),
            signed_in(door, f"{CLIENT}@{TENANT}", "another secret"),
        )

    assert list(answers) == [SIGNED_IN, SIGNED_IN]


async def test_a_tenant_that_is_not_listed_is_not_even_asked(
    tmp_path: Path, graph: SimulatorClient, entra: dict[str, Any]
) -> None:
    graph.know(CLIENT, TENANT, SECRET)
    async with open_door(tmp_path, entra=entra) as door:
        answer = await signed_in(door, f"{CLIENT}@{TENANT}", SECRET)

    assert (REFUSED, 0) == (answer, asked(graph))


async def test_no_way_is_open_unless_configured(tmp_path: Path, graph: SimulatorClient) -> None:
    async with open_door(tmp_path) as door:
        answers = [
            await signed_in(door, LOGIN, SECRET),
            await signed_in(door, ANN, PASSWORD),
        ]

    assert [REFUSED, REFUSED] == answers
    assert 0 == asked(graph)


@pytest.mark.parametrize(
    ("login", "right", "wrong"), [(LOGIN, SECRET, SECRET[:-1]), (ANN, PASSWORD, "C0rrect horsf")]
)
async def test_a_wrong_secret_is_refused_before_and_after_a_right_one(
    tmp_path: Path, entra: dict[str, Any], login: str, right: str, wrong: str
) -> None:
    async with open_door(tmp_path, entra=entra) as door:
        with capture_logs() as logs:
            answers = [
                await signed_in(door, login, secret) for secret in (wrong, right, wrong, "", right)
            ]

    assert [REFUSED, SIGNED_IN, REFUSED, REFUSED, SIGNED_IN] == answers
    failed = [line for line in logs if line["event"] == "sign_in_failed"]
    assert len(wrong) == failed[0]["password_length"]
    assert failed[0]["code"] == ("AADSTS7000215" if login == LOGIN else "AADSTS50126")
    assert not any(secret in str(logs) for secret in (right, wrong))


async def test_a_user_signs_in_and_sends_as_the_own_mailbox(
    tmp_path: Path, entra: dict[str, Any]
) -> None:
    async with open_door(tmp_path, entra=entra) as door, _talk(door) as client:
        answer = await client.sign_in(PASSWORD, "Ann@Contoso.com")
        await client.mail(MAIL, "other@contoso.com")
        (ticket,) = await door.tickets()

    assert answer == SIGNED_IN
    assert (ANN, "rewrite", "ann-contoso.com") == (
        ticket.send_as.mailbox,
        ticket.send_as.from_policy,
        ticket.device,
    )
    assert ticket.send_as.sealed is not None
    expected = UserCredential(TENANT, CLIENT, SECRET, ANN, PASSWORD)
    assert expected == OPENING.open(ticket.send_as.sealed)


async def test_a_public_client_signs_users_in(
    tmp_path: Path, graph: SimulatorClient, entra: dict[str, Any]
) -> None:
    graph.know(TENANT, CLIENT, users={ANN: PASSWORD})
    settings = entra | {"users": {"tenant": TENANT, "client_id": CLIENT}}
    async with open_door(tmp_path, entra=settings) as door:
        assert await signed_in(door, ANN, PASSWORD) == SIGNED_IN


async def test_a_device_of_that_name_comes_before_a_user(
    tmp_path: Path, graph: SimulatorClient, entra: dict[str, Any]
) -> None:
    device = SCANNER | {"name": "ann"}
    async with open_door(tmp_path, entra=entra, devices=[device]) as door:
        answer = await signed_in(door, ANN, PASSWORD)

    assert (REFUSED, 0) == (answer, asked(graph))


async def test_what_was_right_a_moment_ago_is_not_asked_again(
    tmp_path: Path, graph: SimulatorClient, entra: dict[str, Any]
) -> None:
    async with open_door(tmp_path, entra=entra) as door:
        for _ in range(3):
            await signed_in(door, LOGIN, SECRET)
            await signed_in(door, ANN, PASSWORD)

    assert 2 == asked(graph)


async def test_many_at_once_ask_once(
    tmp_path: Path, graph: SimulatorClient, entra: dict[str, Any]
) -> None:
    async with open_door(tmp_path, entra=entra) as door:
        answers = await asyncio.gather(*(signed_in(door, LOGIN, SECRET) for _ in range(10)))

    assert [SIGNED_IN] * 10 == list(answers)
    assert 1 == asked(graph)


@pytest.mark.parametrize(
    "fault",
    [{"reset": True}, {"status": 503, "body": "<html>"}, {"status": 429}, {"aadsts": 90033}],
    ids=["reset", "gateway", "throttled", "service"],
)
async def test_while_entra_has_a_fault_the_client_is_asked_to_come_back(
    tmp_path: Path, graph: SimulatorClient, entra: dict[str, Any], fault: dict[str, Any]
) -> None:
    graph.fail({"route": "token", "times": 9} | fault)
    async with open_door(tmp_path, entra=entra) as door, _talk(door) as client:
        answers = [await client.sign_in(PASSWORD, ANN) for _ in range(4)]

    assert [LATER] * 4 == answers


async def test_an_outage_of_entra_does_not_lock_out_who_is_known(
    tmp_path: Path, graph: SimulatorClient, entra: dict[str, Any]
) -> None:
    settings = entra | {"remember": 3600}
    async with open_door(tmp_path, entra=settings) as door:
        await signed_in(door, LOGIN, SECRET)
        _grow_older(door, 400)
        graph.fail({"route": "token", "reset": True, "times": 99})
        with capture_logs() as logs:
            during = await signed_in(door, LOGIN, SECRET)
        other = await signed_in(door, LOGIN, SECRET[:-1])
        _grow_older(door, 3600)
        after = await signed_in(door, LOGIN, SECRET)

    assert (SIGNED_IN, LATER, LATER) == (during, other, after)
    assert ["sign_in_from_memory"] == [line["event"] for line in logs]


async def test_a_secret_that_was_taken_back_is_refused_after_five_minutes(
    tmp_path: Path, graph: SimulatorClient, entra: dict[str, Any]
) -> None:
    async with open_door(tmp_path, entra=entra) as door:
        before = await signed_in(door, LOGIN, SECRET)
        graph.know(TENANT, CLIENT, "a newer one")
        _grow_older(door, 301)
        after = await signed_in(door, LOGIN, SECRET)
        graph.fail({"route": "token", "reset": True, "times": 99})
        in_outage = await signed_in(door, LOGIN, SECRET)

    assert (SIGNED_IN, REFUSED, REFUSED) == (before, after, in_outage)


@pytest.mark.parametrize("login", [LOGIN, ANN])
async def test_what_was_wrong_is_not_tried_again_at_entra(
    tmp_path: Path, graph: SimulatorClient, entra: dict[str, Any], login: str
) -> None:
    async with open_door(tmp_path, entra=entra) as door:
        answers = [await signed_in(door, login, "an old one") for _ in range(5)]
        asked_meanwhile = asked(graph)
        _grow_older(door, 601)
        await signed_in(door, login, "an old one")
        await signed_in(door, login, "an old one ")

    assert [REFUSED] * 5 == answers
    assert 1 == asked_meanwhile < asked(graph)


async def test_a_locked_account_is_left_alone_for_a_while(
    tmp_path: Path, graph: SimulatorClient, entra: dict[str, Any]
) -> None:
    async with open_door(tmp_path, entra=entra) as door:
        await signed_in(door, ANN, PASSWORD)
        _grow_older(door, 400)
        graph.fail({"route": "token", "aadsts": 50053})
        guesses = [await signed_in(door, ANN, f"guess {number}") for number in range(4)]
        known = await signed_in(door, ANN, PASSWORD)

    assert [LATER] * 4 == guesses
    assert known == SIGNED_IN
    assert 2 == asked(graph)


async def test_mail_goes_on_while_entra_hangs(
    tmp_path: Path, graph: SimulatorClient, entra: dict[str, Any]
) -> None:
    graph.fail({"route": "token", "delay": 6.0, "times": 99})
    async with open_door(tmp_path, entra=entra) as door:
        waiting = [
            asyncio.create_task(signed_in(door, ANN, f"password {number}")) for number in range(8)
        ]
        async with _talk(door) as client:
            await client.sign_in()
            kept = await client.mail(MAIL)
        still_waiting = [task for task in waiting if not task.done()]
        await asyncio.gather(*waiting)

    assert kept.startswith("250 ")
    assert 8 == len(still_waiting)


@pytest.mark.parametrize("password", ["p" * 257, "\udcff", "a\0b"])
async def test_an_impossible_password_is_an_answer_too(
    tmp_path: Path, entra: dict[str, Any], password: str
) -> None:
    async with open_door(tmp_path, entra=entra) as door:
        judgement = await door.reception.entra.judge(
            door.reception.settings.entra, _login(door), password
        )

    assert judgement.verdict in ("wrong", "later")


def _login(door: Door) -> Any:
    from edge.entra.guest import login_of

    found = login_of(door.reception.settings.entra, ANN)
    assert found is not None
    return found[0]


def _grow_older(door: Door, seconds: float) -> None:
    clock = door.reception.entra._clock
    door.reception.entra._clock = lambda: clock() + seconds
