"""`python -m torture`: break the relay for MINUTES (10), as SEED (1) says.

Exit codes: 0 every promise was kept, 1 one was not, 2 wrong usage.
"""

import os
import sys

from rich.console import Console
from rich.table import Table

from torture.run import Outcome, run

_SETTLING_SECONDS = 60
console = Console()


def main() -> int:
    try:
        minutes, seed = float(os.environ.get("MINUTES", "10")), int(os.environ.get("SEED", "1"))
    except ValueError as error:
        sys.stderr.write(f"torture: MINUTES and SEED are numbers: {error}\n")
        return 2
    breaking = max(10.0, minutes * 60 - _SETTLING_SECONDS)
    with console.status("starting") as status:
        outcome = run(seed, breaking, status.update)
    show(outcome)
    return 1 if outcome.findings else 0


def show(outcome: Outcome) -> None:
    table = Table("what", "how many", title=f"seed {outcome.seed}, {outcome.seconds:.0f} s")
    for what, count in (
        ("mails offered", outcome.mails),
        ("got a 250", outcome.promised),
        ("refused for now (4xx)", outcome.refused),
        ("no reply heard", outcome.unanswered),
        ("arrived at Graph", outcome.arrived),
        ("dead letters, of mails that got a 250", outcome.dead),
        ("refused after a failed flush, yet on the disk", outcome.unsure),
    ):
        table.add_row(what, f"{count:,}")
    table.add_section()
    for name, times in sorted(outcome.faults.items()):
        table.add_row(name, f"{times}")
    table.add_section()
    table.add_row("promises broken", f"{len(outcome.findings)}")
    console.print(table)
    for finding in outcome.findings[:100]:
        console.print(finding, markup=False)


if __name__ == "__main__":
    sys.exit(main())
