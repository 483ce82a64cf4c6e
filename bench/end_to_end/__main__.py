"""`python -m bench.end_to_end [ROUNDS]`: mails a second from SMTP to a Graph that takes 100 ms.

Through Azurite, from 32 devices with a mailbox each, all on this one machine; the peer calls Graph
inside DATA and has the machine for itself.
"""

import sys
import tempfile
from pathlib import Path

from rich.console import Console

from bench.end_to_end.road import road
from bench.rounds import Figure, compare, show

ROUNDS = 5
MAILS = 640
FEW = 64
"""What the peer is given: it needs a tenth of a second for each."""
FIGURE = Figure("end to end, Graph at 100 ms", "mails/s", "relay", "inside DATA", 30, 50)


def main(rounds: int) -> int:
    console = Console()
    with tempfile.TemporaryDirectory(prefix="bench-") as directory, road(Path(directory)) as here:
        contestants = {
            "relay": lambda: here.relay(MAILS),
            "inside DATA": lambda: here.inside(FEW),
        }
        results = compare([FIGURE], contestants, rounds, console)
    show(results, console)
    return 0 if all(result.holds for result in results) else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if sys.argv[1:] else ROUNDS))
