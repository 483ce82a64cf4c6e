"""`python -m bench.function [ROUNDS]`: is a thread of the function app ever idle?

The peer is a loop that does nothing but post the same mails from as many threads; the ideal is
what these threads could do if all else took no time.
"""

import sys
import tempfile
from pathlib import Path

from rich.console import Console

from bench.function.stage import SECONDS_A_SEND, Run, Stage, stage
from bench.rounds import Figure, Measure, compare, show

THREADS = 32
"""As docs/function-app.md wants PYTHON_THREADPOOL_THREAD_COUNT."""
MAILS = 600
ROUNDS = 5
FIGURES = (
    Figure("rate / ideal", "mails/s", "relay", "ideal", floor=0.9, goal=0.95),
    Figure("rate / bare requests", "mails/s", "relay", "bare", floor=0.9, goal=1.0),
    Figure(
        "CPU a mail / bare requests", "ms", "relay's CPU", "bare's CPU", 0.1, 0.2,
        is_less_better=True,
    ),
    Figure("connections / threads", "", "relay's connections", "threads", 1, 1, True),
)  # fmt: skip


def main(rounds: int) -> int:
    console = Console()
    with tempfile.TemporaryDirectory(prefix="bench-") as directory, stage(Path(directory)) as here:
        results = compare(FIGURES, _contestants(here), rounds, console)
    show(results, console)
    return 0 if all(result.holds for result in results) else 1


def _contestants(here: Stage) -> dict[str, Measure]:
    last: dict[str, Run] = {}

    def relay() -> float:
        last["relay"] = here.relay(MAILS, THREADS)
        return last["relay"].mails_a_second

    def bare() -> float:
        last["bare"] = here.bare(MAILS, THREADS)
        return last["bare"].mails_a_second

    return {
        "relay": relay,
        "bare": bare,
        "ideal": lambda: THREADS / SECONDS_A_SEND,
        "relay's CPU": lambda: last["relay"].cpu_milliseconds_a_mail,
        "bare's CPU": lambda: last["bare"].cpu_milliseconds_a_mail,
        "relay's connections": lambda: last["relay"].connections,
        "threads": lambda: THREADS,
    }


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if sys.argv[1:] else ROUNDS))
