"""Clients without credentials send by the right of one user, from listed networks alone."""

from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from edge.entra.guest import Guest, known_at
from edge.explain import Question, explain
from edge.settings_file import load
from handoff.sealed import UserCredential
from local.graph_simulator.client import SimulatorClient
from tests.builders import MAIL
from tests.edge.door import LEGACY, PRINTER, SCANNER, STRICT, edge_settings, open_door
from tests.edge.talk import talk
from tests.edge.test_entra_logins import CLIENT, TENANT
from tests.edge.test_entra_settings import entra, faults
from tests.edge.test_entra_sign_in import ANN, OPENING, PUBLIC, REFUSED

PASSWORD = "f4llback of ann"
USERS = {"tenant": TENANT, "client_id": CLIENT}
IN_FILE = f'[entra.users]\ntenant = "contoso.com"\nclient_id = "{CLIENT}"\n'


def with_fallback(*networks: str) -> dict[str, Any]:
    fallback = {"address": ANN, "password": PASSWORD, "networks": list(networks)}
    return {"sealing_key": PUBLIC, "users": USERS, "fallback": fallback}


async def test_a_client_without_credentials_sends_as_the_fallback_user(
    tmp_path: Path, graph: SimulatorClient
) -> None:
    settings = with_fallback("127.0.0.1")
    with capture_logs() as logs:
        async with open_door(tmp_path, entra=settings, listeners=[LEGACY]) as door:
            for blank in (False, True):
                async with talk(door) as client:
                    if blank:
                        await client.say("AUTH PLAIN AAA=")
                    answer = await client.mail(MAIL, "other@contoso.com")
                    assert answer.startswith("250 ")
            tickets = await door.tickets()

    assert [(ANN, "rewrite")] * 2 == [
        (one.send_as.mailbox, one.send_as.from_policy) for one in tickets
    ]
    sealed = tickets[0].send_as.sealed
    assert sealed is not None
    assert UserCredential(TENANT, CLIENT, "", ANN, PASSWORD) == OPENING.open(sealed)
    assert PASSWORD not in str(logs)
    assert [] == graph.requests("/token")


async def test_from_elsewhere_nobody_falls_back(tmp_path: Path) -> None:
    async with (
        open_door(tmp_path, entra=with_fallback("127.0.0.2"), listeners=[LEGACY]) as door,
        talk(door) as client,
    ):
        assert (await client.say("MAIL FROM:<a@b.org>")).startswith("550 ")


async def test_where_sign_in_is_required_nobody_falls_back(tmp_path: Path) -> None:
    listener = STRICT | {"tls": "none", "profile": "legacy"}
    async with (
        open_door(tmp_path, entra=with_fallback("127.0.0.1"), listeners=[listener]) as door,
        talk(door) as client,
    ):
        assert (await client.say("MAIL FROM:<a@b.org>")).startswith("530 ")


async def test_wrong_credentials_do_not_fall_back(tmp_path: Path) -> None:
    async with (
        open_door(tmp_path, entra=with_fallback("127.0.0.1"), listeners=[LEGACY]) as door,
        talk(door) as client,
    ):
        assert await client.sign_in("wrong", "scanner") == REFUSED


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("10.0.8.1", "ann-contoso.com"),
        ("10.0.9.1", "narrow"),
        ("10.0.10.1", "same"),
        ("10.1.0.1", None),
    ],
)
def test_the_narrowest_network_decides_and_a_device_before_the_fallback(
    tmp_path: Path, address: str, name: str | None
) -> None:
    devices = [
        PRINTER | {"name": "narrow", "networks": ["10.0.9.0/24"]},
        PRINTER | {"name": "same", "networks": ["10.0.10.0/24"]},
    ]
    networks = with_fallback("10.0.0.0/16", "10.0.10.0/24")
    known = known_at(edge_settings(tmp_path, entra=networks, devices=devices), ip_address(address))

    assert name == (known and known.name)
    assert isinstance(known, Guest) == (name == "ann-contoso.com")


def test_explain_tells_of_the_fallback(tmp_path: Path) -> None:
    settings = edge_settings(
        tmp_path, entra=with_fallback("10.0.0.0/8"), listeners=[LEGACY], devices=[SCANNER]
    )
    question = Question(ip_address("10.0.0.9"), None, "a@b.org", "c@d.org")
    (finding,) = explain(settings, question, datetime.now(UTC))

    assert "taken from device ann-contoso.com (at 10.0.0.9)" in str(finding)


def test_it_may_come_from_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "edge.toml"
    (tmp_path / "password").write_text(PASSWORD + "\n")
    file.write_text(entra(IN_FILE))
    environment = {
        "EDGE_ENTRA__FALLBACK__ADDRESS": ANN,
        "EDGE_ENTRA__FALLBACK__PASSWORD_FILE": str(tmp_path / "password"),
        "EDGE_ENTRA__FALLBACK__NETWORKS": '["10.0.8.0/22"]',
    }
    fallback = load(file, environment).entra.fallback

    assert fallback.password is not None
    assert PASSWORD == fallback.password.get_secret_value()
    assert PASSWORD not in repr(fallback)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('[entra.fallback]\naddress = "ann@contoso.com"', "need each other"),
        ('[entra.fallback]\npassword = "x"\nnetworks = ["10.0.0.1"]', "need each other"),
        ('[entra.fallback]\naddress = "ann"', "expected the address of a user"),
        ('[entra.fallback]\nnetworks = ["10.0.0.1/8"]', "host bits set"),
    ],
)
def test_half_a_fallback_refuses_to_start(tmp_path: Path, text: str, fault: str) -> None:
    assert fault in faults(tmp_path, entra(IN_FILE + text + "\n"))


def test_a_fallback_needs_an_application_to_sign_in_with(tmp_path: Path) -> None:
    text = f'[entra.fallback]\naddress = "{ANN}"\npassword = "x"\nnetworks = ["10.0.0.1"]\n'

    assert "fallback needs users.tenant" in faults(tmp_path, entra(text))
