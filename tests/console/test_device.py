"""`relay device`: what it writes, what it leaves alone, what it shows once."""

import json
import re
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from typer.testing import CliRunner, Result

from console.device_card import new_password
from console.device_file import with_changed, with_device, without
from console.relay import app
from edge.settings import Device
from edge.settings_file import load
from edge.strangers import FILE_NAME, Stranger, StrangerBook
from handoff.sealed import OpeningKeys, SealingKey, UserCredential

FILE = """\
# Our edge in plant 2; ask Ann before you change it.
hostname = "relay.contoso.com"

[storage]  # the account of the function app
connection_string = "UseDevelopmentStorage=true"

[spool]
directory = "SPOOL"

# The old scanner; goes next year.
[[devices]]
name = "scanner-1"   # by the stairs
networks = ["10.0.8.20"]
send_as = "scan@contoso.com"

[limits]
recipients = 100  # enough
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("EDGE_CONFIG", "EDGE_DEVICES"):
        monkeypatch.delenv(name, raising=False)
    file = tmp_path / "edge.toml"
    file.write_text(FILE.replace("SPOOL", str(tmp_path)))
    file.chmod(0o640)
    return file


def relay(file: Path, *words: str) -> Result:
    return CliRunner().invoke(app, ["device", *words, "--config", str(file)])


@pytest.mark.parametrize("line", ["pässword of old\n", "pässword of old\r\n", "pässword of old"])
def test_the_hash_of_a_password_that_exists_is_told(line: str) -> None:
    plain = CliRunner().invoke(app, ["device", "hash"], input=line)
    as_json = CliRunner().invoke(app, ["device", "hash", "--json"], input=line)

    assert 0 == plain.exit_code
    for told in (plain.stdout.strip(), json.loads(as_json.stdout)["password_hash"]):
        assert PasswordHasher().verify(told, "pässword of old")
    assert line.strip() not in plain.output


def test_no_password_has_no_hash() -> None:
    answer = CliRunner().invoke(app, ["device", "hash"], input="\n")

    assert (2, "") == (answer.exit_code, answer.stdout)


def devices(file: Path) -> dict[str, Device]:
    return {device.name: device for device in load(file, {}).devices}


def test_a_device_is_added_and_every_line_of_before_stays(file: Path) -> None:
    before = file.read_text().splitlines()
    result = relay(
        file,
        "add",
        "scanner-2f",
        "--send-as",
        "noreply@contoso.com",
        "--recipients",
        "*@contoso.com",
    )
    device = devices(file)["scanner-2f"]
    password = re.findall(r"^password (\w+)$", result.stdout, re.MULTILINE)

    assert result.exit_code == 0
    assert [line for line in before if line not in file.read_text().splitlines()] == []
    assert device.recipients == ("*@contoso.com",)
    assert PasswordHasher().verify(str(device.password_hash), password[0])
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert [path.name for path in file.parent.iterdir()] == ["edge.toml"]


def test_what_to_type_into_the_device_is_shown(file: Path) -> None:
    result = relay(file, "add", "scanner-2f", "--send-as", "a@b.org", "--network", "10.0.9.9")
    lines = result.stdout.splitlines()

    assert "server relay.contoso.com  port 587  encryption STARTTLS  user scanner-2f" in lines
    assert "server relay.contoso.com  port 465  encryption SSL/TLS  user scanner-2f" in lines
    assert "server relay.contoso.com  port 2525  encryption none  no user, no password" in lines


def test_the_password_is_nowhere_but_in_what_is_shown(file: Path) -> None:
    result = relay(file, "add", "scanner-2f", "--send-as", "a@b.org", "--json")
    shown = json.loads(result.stdout)

    assert len(shown["password"]) == 16
    assert shown["password"] not in file.read_text() + result.stderr
    assert shown["device"]["has_password"]


def test_every_password_fits_every_field() -> None:
    for password in {new_password() for _ in range(2000)}:
        assert re.fullmatch(r"[A-Za-z][A-Za-z2-9]{15}", password)
        assert not set(password) & set("0O1lI")


def test_a_device_can_be_printed_instead(file: Path) -> None:
    before = file.read_text()
    result = relay(file, "add", "plc", "--send-as", "a@b.org", "--network", "10.1.1.1", "--print")
    block = result.stdout

    assert file.read_text() == before
    assert block.startswith("[[devices]]\n")
    file.write_text(before + block)
    assert str(devices(file)["plc"].networks[0]) == "10.1.1.1/32"


@pytest.mark.parametrize(
    "words",
    [
        ["add", "SCANNER-1", "--send-as", "a@b.org"],
        ["add", "relay", "--send-as", "a@b.org"],
        ["add", "x y", "--send-as", "a@b.org"],
        ["add", "plc", "--send-as", "nobody"],
        ["add", "plc", "--send-as", "a@b.org", "--no-password"],
        ["add", "plc", "--send-as", "a@b.org", "--network", "10.0.8.20"],
        ["add", "plc", "--send-as", "a@b.org", "--network", "10.0.8.2/24"],
    ],
)
def test_what_the_edge_would_not_take_is_not_written(file: Path, words: list[str]) -> None:
    before = file.read_text()
    result = relay(file, *words)

    assert result.exit_code == 4
    assert "edge.toml" in result.stderr
    assert file.read_text() == before
    assert [path.name for path in file.parent.iterdir()] == ["edge.toml"]


def test_devices_are_listed(file: Path) -> None:
    as_json = relay(file, "list", "--json")

    assert "scanner-1" in relay(file, "list").stdout
    assert json.loads(as_json.stdout) == [
        {
            "name": "scanner-1",
            "send_as": "scan@contoso.com",
            "has_password": False,
            "networks": ["10.0.8.20/32"],
            "recipients": [],
        }
    ]


def test_a_password_is_rotated(file: Path) -> None:
    first = json.loads(relay(file, "add", "plc", "--send-as", "a@b.org", "--json").stdout)
    second = json.loads(relay(file, "rotate", "PLC", "--json").stdout)
    hashed = str(devices(file)["plc"].password_hash)

    assert first["password"] != second["password"]
    assert PasswordHasher().verify(hashed, second["password"])
    assert "# by the stairs" in file.read_text()


def test_a_device_is_removed(file: Path) -> None:
    relay(file, "add", "plc", "--send-as", "a@b.org")
    result = relay(file, "remove", "Scanner-1")

    assert result.exit_code == 0
    assert list(devices(file)) == ["plc"]
    assert "recipients = 100  # enough" in file.read_text()


@pytest.mark.parametrize("command", ["rotate", "remove"])
def test_a_device_that_is_not_there_is_a_failure(file: Path, command: str) -> None:
    result = relay(file, command, "nobody")

    assert (1, "there is no device nobody\n") == (result.exit_code, result.stderr)


def test_a_stranger_is_adopted(file: Path) -> None:
    book = StrangerBook(file.parent)
    stranger = Stranger("lan", "10.0.8.77", "HP-4200", "hp@contoso.com", {"contoso.com"})
    book.note(stranger, datetime.now(UTC))
    with (file.parent / FILE_NAME).open("a") as lines:
        lines.write('{"time": "", "foreign": 1}\ntorn')
    seen = json.loads(relay(file, "adopt", "--json").stdout)
    adopted = relay(file, "adopt", "10.0.8.77", "--name", "hp", "--send-as", "hp@contoso.com")
    unknown = relay(file, "adopt", "10.9.9.9", "--name", "x", "--send-as", "a@b.org")
    incomplete = relay(file, "adopt", "10.0.8.77")

    assert [("10.0.8.77", "HP-4200")] == [(one["address"], one["hello"]) for one in seen]
    assert str(devices(file)["hp"].networks[0]) == "10.0.8.77/32"
    assert (0, 1, 2) == (adopted.exit_code, unknown.exit_code, incomplete.exit_code)


def test_a_file_that_is_not_there_is_a_failure(tmp_path: Path) -> None:
    assert relay(tmp_path / "none.toml", "add", "plc", "--send-as", "a@b.org").exit_code == 1
    assert relay(tmp_path / "none.toml", "list").exit_code == 4


def test_devices_of_the_environment_are_not_ours_to_change(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGE_DEVICES", "[]")
    result = relay(file, "add", "plc", "--send-as", "a@b.org")

    assert result.exit_code == 1
    assert "EDGE_DEVICES" in result.stderr


@pytest.mark.parametrize(
    "text", ["", "devices = []\n", "x = 1\n", 'devices = [{name = "a", send_as = "a@b.org"}]\n']
)
def test_devices_can_be_written_in_either_way(text: str) -> None:
    added = with_device(text, {"name": "plc", "send_as": "a@b.org"})
    changed = with_changed(added, "plc", {"send_as": "c@d.org"})

    assert "c@d.org" in changed
    assert "plc" not in without(changed, "plc")


def test_a_sealing_key_is_made_for_both_sides() -> None:
    result = CliRunner().invoke(app, ["sealing-key", "--json"])
    keys: dict[str, Any] = json.loads(result.stdout)
    user = UserCredential("t", "c", "", "ann@contoso.com", "pa55")
    sealed = SealingKey.read(keys["entra.sealing_key"]).seal(user)

    assert user == OpeningKeys.read([keys["RELAY_SEALING_KEY"]]).open(sealed)
    assert "secret" in CliRunner().invoke(app, ["sealing-key"]).stderr
