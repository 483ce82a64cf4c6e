"""A ledger with mail in it, and the command `relay` as a process."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from handoff.storage import Storage
from tests.console.past import Past

ROOT = Path(__file__).parents[2]


@pytest.fixture
def past(storage: Storage) -> Past:
    return Past(storage)


class Answer:
    """What a command said and how it ended."""

    def __init__(self, done: "subprocess.CompletedProcess[str]") -> None:
        self.code, self.out, self.talk = done.returncode, done.stdout, done.stderr

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Relay = Callable[..., Answer]


@pytest.fixture
def relay(mail_account: str) -> Relay:
    """Run `relay` as an operator does, with the account of the test in the environment."""

    def run(*arguments: str, **environment: str) -> Answer:
        known = {name: text for name, text in os.environ.items() if not name.startswith("EDGE_")}
        done = subprocess.run(
            [sys.executable, "-m", "console", *arguments],
            env=known | {"MailStorage": mail_account, "COLUMNS": "160"} | environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=60,
            check=False,
        )
        return Answer(done)

    return run
