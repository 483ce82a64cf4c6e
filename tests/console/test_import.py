"""`relay import`: what becomes of the settings of two other relays."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from console.commands.import_ import read_env
from console.relay import app
from edge.settings import EdgeSettings

TENANT = "72f988bf-0000-4000-8000-000000000000"
CLIENT = "11111111-2222-4333-8444-555555555555"
YAML = f"""\
log: ""
log_level: warn
listen_addr: 127.0.0.1:2526
oauth2_config:
  client_id: {CLIENT}
  client_secret: s3cret~value
  tenant_id: {TENANT}
  scopes:
    - https://graph.microsoft.com/.default
fallback_smtp_user: scan@contoso.com
fallback_smtp_pass: p4ssword
save_to_sent: false
max_message_size: 26214400
max_connections: 100
connection_timeout: 300
retry_attempts: 3
odd: 1
"""
ENV = """\
# of the container
LOG_LEVEL=WARNING
export TLS_SOURCE="keyvault"
AZURE_KEY_VAULT_URL=https://prod.vault.azure.net/
AZURE_KEY_VAULT_CERT_NAME=smtp-cert
USERNAME_DELIMITER=:
AZURE_TABLES_URL=https://accounts.table.core.windows.net/users
"""


def run(tmp_path: Path, kind: str, text: str, *words: str) -> Result:
    source = tmp_path / "source"
    source.write_text(text)
    to = ["--to", str(tmp_path)]
    return CliRunner().invoke(app, ["import", kind, str(source), *to, *words])


def written(tmp_path: Path) -> dict[str, Any]:
    return tomllib.loads((tmp_path / "edge.toml").read_text())


def told(found: Result) -> dict[str, tuple[str, str]]:
    lines = json.loads(found.stdout)["settings"]
    return {line["setting"]: (line["becomes"], line["remark"]) for line in lines}


def test_settings_in_yaml_become_an_edge_toml(tmp_path: Path) -> None:
    found = run(tmp_path, "azuresmtpwithoauth", YAML, "--json")

    edge = written(tmp_path)
    assert 0 == found.exit_code, found.output
    assert [{"name", "address", "tls", "profile", "auth"}] == [set(x) for x in edge["listeners"]]
    assert "127.0.0.1:2526" == edge["listeners"][0]["address"]
    assert {"tenant": TENANT, "client_id": CLIENT} == edge["entra"]["users"]
    assert {"message_size": 26214400, "connections": 100, "idle_timeout": 300} == edge["limits"]
    assert ["127.0.0.0/8"] == edge["devices"][0]["networks"]
    assert "warning" == edge["log"]["level"]


def test_every_setting_is_accounted_for(tmp_path: Path) -> None:
    lines = told(run(tmp_path, "azuresmtpwithoauth", YAML, "--json"))

    named = {line.partition(":")[0].strip() for line in YAML.splitlines() if ":" in line}
    covered = {name.rpartition(".")[2] for name in lines} | {"oauth2_config", "- https"}
    assert set() == named - covered
    assert ("", "not known to this import") == lines["odd"]


def test_a_secret_goes_into_a_file_of_its_own_and_a_password_nowhere(tmp_path: Path) -> None:
    found = run(tmp_path, "azuresmtpwithoauth", YAML)

    text = (tmp_path / "edge.toml").read_text() + found.stdout + found.stderr
    assert "EDGE_ENTRA__USERS__CLIENT_SECRET=s3cret~value\n" == (tmp_path / "edge.env").read_text()
    assert "s3cret" not in text
    assert "p4ssword" not in text + (tmp_path / "edge.env").read_text()
    modes = [(tmp_path / name).stat().st_mode & 0o777 for name in ("edge.toml", "edge.env")]
    assert [0o600] * 2 == modes


def test_a_password_for_everybody_is_not_taken_over(tmp_path: Path) -> None:
    text = YAML.replace("127.0.0.1:2526", "0.0.0.0:2526")
    lines = told(run(tmp_path, "azuresmtpwithoauth", text, "--json"))

    assert "devices" not in written(tmp_path)
    assert "without a password" in lines["fallback_smtp_user"][1]


def test_an_environment_becomes_an_edge_toml(tmp_path: Path) -> None:
    found = run(tmp_path, "smtp-oauth-relay", ENV, "--tenant", TENANT, "--json")

    edge, lines = written(tmp_path), told(found)
    assert {
        "source": "keyvault",
        "vault_url": "https://prod.vault.azure.net",
        "vault_certificate": "smtp-cert",
    } == edge["tls"]
    assert [TENANT] == edge["entra"]["tenants"]
    assert ("starttls", "strict") == (edge["listeners"][0]["tls"], edge["listeners"][0]["profile"])
    assert "entra.aliases" in lines["AZURE_TABLES_URL"][1]
    assert not (tmp_path / "edge.env").exists()


LISTENERS = {
    "": ("starttls", "strict"),
    "REQUIRE_TLS=false": ("starttls", "legacy"),
    "TLS_SOURCE=off": ("none", "legacy"),
    "USE_TLS=False": ("none", "legacy"),
}


@pytest.mark.parametrize(("env", "listener"), LISTENERS.items())
def test_the_door_stays_as_open_as_it_was(
    tmp_path: Path, env: str, listener: tuple[str, str]
) -> None:
    run(tmp_path, "smtp-oauth-relay", env)

    (door,) = written(tmp_path)["listeners"]
    assert listener == (door["tls"], door["profile"])


def test_nothing_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "edge.env").write_text("mine")
    found = run(tmp_path, "azuresmtpwithoauth", YAML)

    assert 1 == found.exit_code
    assert "mine" == (tmp_path / "edge.env").read_text()
    assert not (tmp_path / "edge.toml").exists()


@pytest.mark.parametrize("text", ["a: [s3cret", "- s3cret", "oauth2_config: s3cret"])
def test_what_cannot_be_read_is_told_without_being_shown(tmp_path: Path, text: str) -> None:
    found = run(tmp_path, "azuresmtpwithoauth", text)

    assert 4 == found.exit_code
    assert "s3cret" not in found.output


def test_lines_of_an_environment_file_are_read_as_others_read_them() -> None:
    text = 'A=1\n export B = "x y" \n#C=2\nnothing\nD=\'=\'\nE="\n'

    assert {"A": "1", "B": "x y", "D": "=", "E": '"'} == read_env(text)


@pytest.mark.skipif(
    "entra" not in EdgeSettings.model_fields, reason="this edge has no section entra yet"
)
def test_an_edge_takes_what_was_written(tmp_path: Path) -> None:
    run(tmp_path, "azuresmtpwithoauth", YAML)
    from handoff.sealed import new_key_pair  # type: ignore[import-not-found, unused-ignore]

    edge = written(tmp_path)
    edge["storage"] = {"connection_string": "UseDevelopmentStorage=true"}
    edge["entra"]["sealing_key"] = new_key_pair()[1]
    edge["entra"]["users"]["client_secret"] = "s3cret"

    assert "imported" == EdgeSettings.model_validate(edge).listeners[0].name
