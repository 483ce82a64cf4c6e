"""`relay` itself: what it offers, and how little of itself it imports."""

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from console.relay import app

ROOT = Path(__file__).parent.parent.parent
MODULES = [path.stem for path in (ROOT / "console" / "commands").glob("[a-z]*.py")]


def test_it_lists_a_command_for_every_module_but_those_of_another_command() -> None:
    listed = CliRunner().invoke(app, ["--help"]).output
    named = {name: name.strip("_").replace("_", "-") for name in MODULES}

    unlisted = {name for name in MODULES if f"│ {named[name]} " not in listed}

    assert unlisted == {"explain", "smoke_mail", "smoke_rights"}


@pytest.mark.parametrize(
    ("asked", "usage"),
    [
        ("log", "relay log [OPTIONS] [query]..."),
        ("device list", "relay device list [OPTIONS]"),
        ("config explain", "relay config explain [OPTIONS]"),
    ],
)
def test_a_command_says_how_it_is_called(asked: str, usage: str) -> None:
    said = CliRunner().invoke(app, [*asked.split(), "--help"], prog_name="relay").output

    assert usage in said
    assert "completion" not in said


def test_a_slip_is_answered_with_what_was_meant() -> None:
    done = CliRunner().invoke(app, ["lgo"])

    assert done.exit_code == 2
    assert "Did you mean 'log'" in done.stderr


def test_a_command_imports_nothing_of_the_others() -> None:
    program = (
        "import sys; from typer.testing import CliRunner; from console.relay import app;"
        "CliRunner().invoke(app, ['sealing-key', '--help']);"
        "others = {'azure.core', 'aiohttp', 'edge', 'console.commands.log'};"
        "print(sorted(others & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert done.stdout == "[]\n"
