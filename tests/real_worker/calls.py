"""Calls of functions, as genuine.py and imitated.py take them, and what came of them."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from azure.storage.queue import QueueMessage

from local.functions_host.queues import Leased
from local.setup import WORKER_VENV

ROOT = Path(__file__).parents[2]
TIMER = '{"Schedule": {"AdjustForDST": true}, "ScheduleStatus": null, "IsPastDue": false}'


@dataclass(frozen=True)
class Answer:
    """What a worker found, and for each call its fault, or None."""

    functions: dict[str, list[str]]
    faults: list[str | None]


@dataclass(frozen=True)
class AnyWorker:
    """A program that runs the functions in a directory."""

    command: tuple[str | Path, ...]
    path: str = ""

    def run(self, app: Path, *calls: dict[str, Any], **settings: str) -> Answer:
        """Have the functions in `app` called, with `settings` in the environment."""
        done = subprocess.run(
            [*self.command, app],
            cwd=app,
            env=os.environ | {"PYTHONPATH": self.path} | settings,
            input=json.dumps(calls),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return Answer(**json.loads(done.stdout.splitlines()[-1]))


GENUINE = AnyWorker((WORKER_VENV / "bin/python", Path(__file__).parent / "genuine.py"))
IMITATED = AnyWorker((sys.executable, "-m", "tests.real_worker.imitated"), str(ROOT))


def queue_call(function: str, message: QueueMessage) -> dict[str, Any]:
    """What the host sends for a message that it has received."""
    leased = Leased(message)
    return {
        "function": function,
        "argument": "message",
        "body": leased.text,
        "metadata": leased.metadata,
    }


def timer_call(function: str) -> dict[str, Any]:
    return {"function": function, "argument": "timer", "body": TIMER, "metadata": {}}
