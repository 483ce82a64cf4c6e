"""The unit of the edge: systemd understands it, it is hardened, and it fits the program."""

import re
import tomllib
from pathlib import Path

import pytest

from edge import __main__ as program
from edge.settings import EdgeSettings
from tests.infra.programs import needs, run

ROOT = Path(__file__).parent.parent.parent
UNITS = ROOT / "deploy" / "systemd"
UNIT = (UNITS / "smtp-relay-edge.service").read_text("utf-8")
SETTINGS = EdgeSettings.model_validate({"storage": {"connection_string": "x"}})
needs_systemd = needs("systemd-analyze", "Debian package systemd")


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit with programs that exist here."""
    file = tmp_path / "smtp-relay-edge.service"
    file.write_text(re.sub(r"^(Exec\w+=)/\S+", r"\1/bin/true", UNIT, flags=re.MULTILINE))
    return file


def _said(key: str) -> list[str]:
    return re.findall(rf"^{key}=(.*)$", UNIT, re.MULTILINE)


@needs_systemd
def test_systemd_understands_every_line(unit: Path) -> None:
    done = run("systemd-analyze", "verify", "--man=no", unit)

    assert (done.returncode, done.stderr) == (0, "")


@needs_systemd
def test_the_unit_is_hardened(unit: Path) -> None:
    done = run("systemd-analyze", "security", "--offline=true", "--threshold=20", unit)

    assert done.returncode == 0, done.stdout[-3000:]


def test_a_stop_leaves_time_to_drain() -> None:
    assert float(_said("TimeoutStopSec")[0]) > SETTINGS.drain_timeout + 5


def test_nobody_starts_it_again_when_only_an_administrator_can_help() -> None:
    codes = {int(code) for code in _said("RestartPreventExitStatus")[0].split()}

    assert codes == {2, program._BAD_SETTINGS}
    assert _said("Restart") == ["on-failure"]


def test_it_may_write_where_it_keeps_mail_and_nowhere_else() -> None:
    made = re.findall(r"^d (\S+) 0700", (UNITS / "smtp-relay.tmpfiles.conf").read_text(), re.M)
    needed = [str(SETTINGS.spool.directory), str(SETTINGS.tls.key.parent.parent)]

    assert _said("ReadWritePaths")[0].split() == needed
    assert made == needed
    assert _said("ProtectSystem") == ["strict"]


def test_the_start_ends_when_the_edge_says_that_it_is_ready() -> None:
    # tests/edge/test_service_manager.py sees the program say so.
    assert _said("Type") == ["notify"]
    assert _said("NotifyAccess") == []


def test_the_programs_are_those_that_the_package_installs() -> None:
    wheel = tomllib.loads((ROOT / "deploy" / "wheel" / "pyproject.toml").read_text("utf-8"))
    started = re.findall(r"^Exec\w+=/opt/smtp-relay/bin/(\S+)", UNIT, re.MULTILINE)

    assert len(started) == 2
    assert set(started) <= set(wheel["project"]["scripts"])


def test_the_user_is_made() -> None:
    user = _said("User")[0]

    assert re.search(rf"^u {user} -", (UNITS / "smtp-relay.sysusers.conf").read_text(), re.M)
