"""How the Functions worker finds the functions: the marker, the package, the package's files."""

import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import azure.functions as func
import pytest

ROOT = Path(__file__).parents[2]
INDEXING = """
import json, sys, function_app
wanted = ("type", "queueName", "connection", "schedule")
heavy = ("msal", "azure.storage.queue", "azure.data.tables", "function_app.root")
functions = {}
for found in function_app.app.get_functions():
    trigger = found.get_trigger().get_dict_repr()
    functions[found.get_function_name()] = [str(trigger[k]) for k in wanted if k in trigger]
print(json.dumps({"functions": functions, "heavy": [m for m in heavy if m in sys.modules]}))
"""


def test_the_marker_is_beside_host_json() -> None:
    # Without this very file the worker falls back to function.json and finds nothing.
    assert (ROOT / "function_app.py").is_file()
    assert (ROOT / "host.json").is_file()


def test_the_package_wins_over_the_marker() -> None:
    module = importlib.import_module("function_app")

    assert str(ROOT / "function_app" / "__init__.py") == module.__file__


def test_the_worker_finds_exactly_one_register() -> None:
    module = importlib.import_module("function_app")
    found = [name for name in dir(module) if isinstance(getattr(module, name), func.FunctionApp)]

    assert ["app"] == found


@pytest.fixture(scope="module")
def indexed() -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", INDEXING], cwd=ROOT, capture_output=True, text=True, check=True
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_functions_are_deliver_and_sweep(indexed: dict[str, Any]) -> None:
    assert {
        "deliver": ["queueTrigger", "outbound", "MailStorage"],
        "sweep": ["timerTrigger", "0 */5 * * * *"],
    } == indexed["functions"]


def test_showing_the_functions_loads_no_client(indexed: dict[str, Any]) -> None:
    assert [] == indexed["heavy"]


NEEDED = [
    "host.json",
    "requirements.txt",
    "function_app.py",
    *(path.relative_to(ROOT).as_posix() for path in sorted((ROOT / "function_app").rglob("*.py"))),
    *(path.relative_to(ROOT).as_posix() for path in sorted((ROOT / "handoff").rglob("*.py"))),
]
LEFT_OUT = [
    ".venv/bin/python",
    ".git/HEAD",
    ".ci/run",
    ".python_packages/lib/x.py",
    "edge/__main__.py",
    "console/__init__.py",
    "local/__init__.py",
    "tests/conftest.py",
    "docs/function-app.md",
    "infra/main.bicep",
    "local.settings.json",
    "local.settings.example.json",
    "requirements-dev.lock",
    "pyproject.toml",
    "azure.yaml",
    "README.md",
    "function_app/Dockerfile",
    "function_app/Dockerfile.dockerignore",
    "function_app/__pycache__/root.cpython-311.pyc",
]


def test_the_package_holds_the_function_app_and_nothing_else(tmp_path: Path) -> None:
    # .funcignore has the syntax of .gitignore, so git itself judges.
    (tmp_path / ".gitignore").write_text((ROOT / ".funcignore").read_text())
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    done = subprocess.run(
        ["git", "check-ignore", "--no-index", "--stdin"],
        cwd=tmp_path,
        input="\n".join(NEEDED + LEFT_OUT),
        capture_output=True,
        text=True,
        check=True,
    )

    assert LEFT_OUT == done.stdout.split()


def test_a_run_ends_before_the_host_changes_its_receipt() -> None:
    # The host renews a message after five minutes; the receipt that puts it back is then stale.
    host = json.loads((ROOT / "host.json").read_text())

    assert "00:05:00" == host["functionTimeout"]
    assert "none" == host["extensions"]["queues"]["messageEncoding"]


def test_no_event_is_dropped_by_sampling() -> None:
    # The host splits the list at semicolons; the worker's log lines arrive as traces.
    host = json.loads((ROOT / "host.json").read_text())
    sampling = host["logging"]["applicationInsights"]["samplingSettings"]

    assert {"Trace", "Exception"} == set(sampling["excludedTypes"].split(";"))
