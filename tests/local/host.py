"""A Functions host that runs, for tests, with the sample app."""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from local.child import Child

ROOT = Path(__file__).parents[2]
QUEUES = {
    "messageEncoding": "none",
    "batchSize": 2,
    "newBatchThreshold": 0,
    "maxDequeueCount": 2,
    "visibilityTimeout": "00:00:00",
    "maxPollingInterval": "00:00:00.200",
}
Start = Callable[..., "Host"]


class Host:
    """A running host and what its functions noted."""

    def __init__(self, directory: Path, settings: dict[str, str]) -> None:
        self.directory = directory
        self.child = Child(
            [sys.executable, "-m", "local.functions_host"],
            environment=os.environ | {"PYTHONPATH": str(ROOT)} | settings,
            directory=directory,
        )

    def notes(self, what: str = "") -> list[dict[str, Any]]:
        file = self.directory / "notes"
        lines = file.read_text().splitlines() if file.exists() else []
        return [note for line in lines if (note := json.loads(line))["what"] == what]

    def has_told(self, text: str) -> list[str]:
        return [line for line in list(self.child.lines) if text in line]

    def refusal(self) -> str:
        """The one line that it ends with."""
        assert self.child.wait(20) == 1
        self.child.stop()
        assert not self.has_told("Traceback")
        prefix, _, reason = self.child.lines[-1].partition(": ")
        assert prefix == "functions_host"
        return reason


def write_host_json(app: Path, timeout: str = "00:05:00", **queues: Any) -> None:
    tree = {"version": "2.0", "functionTimeout": timeout, "extensions": {"queues": QUEUES | queues}}
    (app / "host.json").write_text(json.dumps(tree))


def until(is_so: Callable[[], Any], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.02)
