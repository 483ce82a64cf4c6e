"""`python -m local.conformance` (`make conformance`): run every suite that is installed.

Exits with 1 when one found something. What is not installed is shown as skipped.
"""

import shutil
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console

from local.conformance.suites import SUITES, Suite, judge
from local.conformance.target import target

console = Console(highlight=False)


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="conformance-") as directory:
        outcomes = [_run(suite, Path(directory)) for suite in SUITES]
    return 1 if any(outcomes) else 0


def _run(suite: Suite, directory: Path) -> list[str]:
    if shutil.which(suite.needs) is None:
        console.print(f"skipped  {suite.name}: {suite.needs} is not installed", style="yellow")
        return []
    began = time.monotonic()
    network = "127.0.0.0/8" if suite.knows_us else "192.0.2.0/24"
    with (
        console.status(f"{suite.name} ..."),
        target(directory / suite.name.replace(" ", "-").replace(":", ""), network) as edge,
    ):
        faults = judge(suite, edge)
    took = f"{time.monotonic() - began:.0f} s"
    console.print(
        f"{'FAILED' if faults else 'passed'}   {suite.name} ({took})",
        style="red" if faults else "green",
    )
    for fault in faults:
        console.print(fault, markup=False)
    return faults


if __name__ == "__main__":
    sys.exit(main())
