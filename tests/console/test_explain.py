"""`relay config explain`: the door's answer and the way out, as an operator asks for them."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from console.relay import app
from handoff.sealed import new_key_pair

EDGE = """\
[storage]
connection_string = "UseDevelopmentStorage=true"
[[listeners]]
name = "lan"
address = "0.0.0.0:2525"
tls = "none"
auth = "off"
[[devices]]
name = "scanner"
networks = ["10.0.0.0/8"]
send_as = "scan@contoso.com"
recipients = ["*@contoso.com", "*@x.org"]
"""
VALUES = {
    "IDENTITY__OUT__PROVIDER": "smarthost",
    "IDENTITY__OUT__HOST": "mx.fabrikam.com",
    "IDENTITY__DEFAULT__FALLBACK": "out",
    "ROUTE__10__RECIPIENT_DOMAIN": "x.org",
    "ROUTE__10__IDENTITY": "out",
}


@pytest.fixture
def ask(tmp_path: Path) -> "Ask":
    (tmp_path / "edge.toml").write_text(EDGE)
    return Ask(tmp_path)


class Ask:
    def __init__(self, here: Path) -> None:
        self.here = here

    def __call__(self, *words: str, settings: object = None) -> Result:
        file = self.here / "app.json"
        file.write_text(json.dumps({"Values": VALUES} if settings is None else settings))
        config = ["--config", str(self.here / "edge.toml"), "--app-settings", str(file)]
        return CliRunner().invoke(app, ["config", "explain", *words, *config])


def test_each_recipient_is_told_its_door_and_its_way(ask: Ask) -> None:
    found = ask("a@contoso.com", "b@x.org", "--peer", "10.1.2.3", "--json")

    lines = [json.loads(line) for line in found.stdout.splitlines()]
    assert 0 == found.exit_code
    assert [("default", "", "graph", "out"), ("out", "10", "smarthost", "")] == [
        (line["identity"], line["route"], line["provider"], line["fallback"]) for line in lines
    ]
    assert ["scanner"] * 2 == [line["device"] for line in lines]


def test_a_person_is_told_in_words(ask: Ask) -> None:
    found = ask("b@x.org", "--peer", "10.1.2.3")

    assert "b@x.org: listener lan (0.0.0.0:2525): taken from device scanner" in found.stdout
    assert "sent by: identity out (smarthost), route 10" in found.stdout


def test_a_mail_that_the_door_refuses_has_no_way(ask: Ask) -> None:
    found = ask("c@elsewhere.org", "--peer", "10.1.2.3", "--json")

    (line,) = [json.loads(line) for line in found.stdout.splitlines()]
    assert 1 == found.exit_code
    assert ("devices[].recipients", None) == (line["rule"], line["identity"])


ENTRA = f"""
[entra]
sealing_key = '{new_key_pair()[1]}'
[entra.users]
tenant = "contoso.com"
client_id = "99999999-0000-0000-0000-000000000001"
[[listeners]]
name = "smtps"
address = "0.0.0.0:465"
tls = "implicit"
"""


def test_who_signs_in_with_a_credential_of_his_own_is_never_routed(ask: Ask) -> None:
    (ask.here / "edge.toml").write_text(EDGE.replace("[[devices]]", ENTRA + "[[devices]]"))
    words = ("b@x.org", "--peer", "192.0.2.1", "--login", "ann@contoso.com")
    found = ask(*words, "--from", "ann@contoso.com", "--json")

    taken = [one for one in map(json.loads, found.stdout.splitlines()) if one["rule"] is None]
    assert [("", "", "graph", "", True)] == [
        tuple(one[key] for key in ("identity", "route", "provider", "fallback", "own_credential"))
        for one in taken
    ]
    assert "the client's own credential (graph), never routed" in ask(*words).stdout


def test_what_azure_prints_is_read_as_well(ask: Ask) -> None:
    listed = [
        {"name": name, "value": value, "slotSetting": False} for name, value in VALUES.items()
    ]
    found = ask("b@x.org", "--peer", "10.1.2.3", settings=listed)

    assert "route 10" in found.stdout


WRONG = {
    "peer": (["--peer", "nowhere"], None, 2),
    "routes": (["--peer", "10.1.2.3"], {"Values": {"ROUTE__1__DEVICE": "x"}}, 4),
    "no app settings": (["--peer", "10.1.2.3"], 7, 4),
}


@pytest.mark.parametrize(("words", "settings", "code"), WRONG.values(), ids=WRONG)
def test_what_makes_no_sense_is_told(
    ask: Ask, words: list[str], settings: object, code: int
) -> None:
    found = ask("b@x.org", *words, settings=settings)

    assert code == found.exit_code
    assert "" == found.stdout
    assert found.stderr
