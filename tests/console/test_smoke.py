"""`relay smoke`, through the real edge and function app."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.graph_simulator.client import SimulatorClient
from tests.edge.door import PASSWORD
from tests.edge.program import Edge, config
from tests.fixtures.function_app import start_function_app

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def edge(tmp_path: Path, mail_account: str) -> Iterator[Edge]:
    edge = Edge(config(tmp_path, mail_account))
    yield edge
    edge.child.kill()


def smoke(account: str, place: str, *more: str | Path) -> tuple[int, dict[str, Any]]:
    """The exit code, and the findings by their checks."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "console", "smoke", "--json", "--door", place),
            *("--from", "scan@contoso.com", "--to", "ann@contoso.com"),
            *("--login", "scanner", *more),
        ],
        cwd=ROOT,
        env=os.environ | {"MailStorage": account},
        capture_output=True,
        timeout=120,
        check=False,
    )
    found = json.loads(done.stdout) if done.stdout else []
    assert PASSWORD.encode() not in done.stdout + done.stderr
    return done.returncode, {one["check"]: one for one in found}


@pytest.fixture
def sign_in(tmp_path: Path) -> list[str | Path]:
    (tmp_path / "password").write_text(PASSWORD + "\n")
    certificate = tmp_path / "tls" / "certificate.pem"
    return ["--password-file", tmp_path / "password", "--ca-file", certificate]


def test_a_mail_goes_all_the_way(
    edge: Edge, mail_account: str, graph: SimulatorClient, sign_in: list[str | Path]
) -> None:
    function_app = start_function_app(mail_account, graph)
    place = f"localhost:{edge.ports['submission']}"
    code, found = smoke(mail_account, place, *sign_in)
    function_app.kill()

    assert [one for one in found.values() if not one["ok"]] == []
    assert code == 0
    assert {"table deliveries", "door", "delivery", "once", "content"} <= set(found)
    assert [mail.subject for mail in graph.mails()] == ["relay smoke: it works"]


def test_a_function_app_that_does_not_run_is_noticed(
    edge: Edge, mail_account: str, sign_in: list[str | Path]
) -> None:
    place = f"localhost:{edge.ports['submission']}"
    code, found = smoke(mail_account, place, "--seconds", "1", *sign_in)

    assert code == 1
    assert found["door"]["ok"]
    assert "does the function app run" in found["delivery"]["text"]


def test_a_door_that_does_not_take_the_mail_is_noticed(
    edge: Edge, mail_account: str, sign_in: list[str | Path], tmp_path: Path
) -> None:
    (tmp_path / "password").write_text("wrong")
    code, found = smoke(mail_account, f"localhost:{edge.ports['submission']}", *sign_in)

    assert code == 1
    assert "535" in found["door"]["text"]
    assert "delivery" not in found


def test_an_edge_with_the_account_key_is_noticed(
    edge: Edge, mail_account: str, sign_in: list[str | Path], tmp_path: Path
) -> None:
    more = ["--edge-config", tmp_path / "edge.toml", "--seconds", "1", *sign_in]
    code, found = smoke(mail_account, f"localhost:{edge.ports['submission']}", *more)

    assert code == 1
    assert "account's key" in found["rights of the edge"]["text"]


def test_places_that_are_missing_are_named(
    edge: Edge, mail_account: str, sign_in: list[str | Path]
) -> None:
    elsewhere = mail_account.replace("AccountName=test", "AccountName=nobody")
    code, found = smoke(elsewhere, "localhost", *sign_in)

    assert code == 1
    assert {check for check, one in found.items() if not one["ok"]} >= {"queue outbound", "door"}


def test_no_account_is_a_fault_of_the_settings() -> None:
    assert smoke("", "localhost:1")[0] == 4
