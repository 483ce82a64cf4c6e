"""`python -m bench.console [ROUNDS] [MAILS]`: pages of the web console over a million mails.

The peer of each page is itself over a hundredth of the mails, in the same round.
"""

import random
import sys
import tempfile
from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from rich.console import Console as Terminal
from rich.table import Table

from bench.console.visits import Visits, blobs_and_queues, console, go_round

ROUNDS = 30
MAILS = 1_000_000
FLOOR_MILLISECONDS = 100
_FEWER = 100
_SEED = 1


def main(rounds: int, mails: int) -> int:
    terminal = Terminal(width=120)
    many: dict[str, Visits] = defaultdict(Visits)
    few: dict[str, Visits] = defaultdict(Visits)
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        account = stack.enter_context(blobs_and_queues(directory))
        large = stack.enter_context(console(mails, account))
        small = stack.enter_context(console(mails // _FEWER, account))
        for site in (large, small):
            go_round(site, defaultdict(Visits), random.Random(0))  # the first visit compiles pages
        for number in range(rounds):
            go_round(large, many, random.Random(_SEED + number))
            go_round(small, few, random.Random(_SEED + number))
    return _show(many, few, mails, terminal)


def _show(many: dict[str, Visits], few: dict[str, Visits], mails: int, terminal: Terminal) -> int:
    title = f"{mails:,} mails in 30 days; ms; ratio to {mails // _FEWER:,} mails"
    table = Table(
        *("page", "visits", "median", "p95", "max", "CPU", "ratio", "rows read", "most", ""),
        title=title,
    )
    missed = False
    for name, visits in many.items():
        strange = {one for visit in visits.all for one in visit.strange}
        failed = [visit.status for visit in visits.all if visit.status != 200]
        is_missed = visits.median >= FLOOR_MILLISECONDS or bool(strange or failed)
        missed |= is_missed
        rows = sorted(visit.rows for visit in visits.all)
        table.add_row(
            name,
            str(len(visits.all)),
            f"{visits.median:.0f}",
            f"{visits.p95:.0f}",
            f"{max(visits.times):.0f}",
            f"{median(visit.cpu for visit in visits.all):.0f}",
            f"{visits.median / few[name].median:.1f}" if few[name].all else "",
            f"{rows[len(rows) // 2]:,}",
            f"{rows[-1]:,}",
            f"MISSED {strange or ''}{failed or ''}" if is_missed else "floor",
        )
    terminal.print(table)
    return int(missed)


if __name__ == "__main__":
    numbers = [int(text) for text in sys.argv[1:]]
    sys.exit(main(*numbers, *(ROUNDS, MAILS)[len(numbers) :]))
