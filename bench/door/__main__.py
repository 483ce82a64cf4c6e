"""`python -m bench.door`: the figures of the door. See `--help`."""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from bench.door import servers
from bench.door.load import Load, smtp_source
from bench.door.memory import growth, resident
from bench.rounds import Figure, Measure, Result, compare, show

NEEDED = ("postfix", "smtp-source", "smtp-sink", "go", "gcc", "taskset")
START = {
    "relay": servers.relay,
    "stock": servers.stock,
    "postfix": servers.postfix,
    "sink": servers.sink,
}
Act = Callable[[servers.Server], float]


class Bench:
    """What is measured, on which contestants."""

    def __init__(self, directory: Path, rounds: int, console: Console) -> None:
        self._directory = directory
        self._rounds = rounds
        self._console = console
        self._load = Load(directory)
        self._slow_disk = _slow_disk(directory)

    def groups(self) -> dict[str, Callable[[], list[Result]]]:
        return {
            "kept": self.kept,
            "single": self.single,
            "alone": self.alone,
            "tls": self.tls,
            "slow-disk": self.slow_disk,
            "large": self.large,
            "crowd": self.crowd,
            "idle": self.idle,
        }

    def kept(self) -> list[Result]:
        def act(server: servers.Server) -> float:
            return smtp_source(server.port, 6000, 100, 2048, kept=True)

        name = "durable, 2 KB, 100 sessions kept, against {}"
        return self._compare(
            act,
            ("relay", "postfix", "stock", "sink"),
            Figure(name.format("Postfix"), "mails/s", "relay", "postfix", 5, 9),
            Figure(name.format("stock that keeps nothing"), "mails/s", "relay", "stock", 2.5, 4),
            Figure(name.format("smtp-sink, the limit"), "mails/s", "relay", "sink", 0, 1),
        )

    def single(self) -> list[Result]:
        def act(server: servers.Server) -> float:
            return smtp_source(server.port, 3000, 100, 2048, kept=False)

        name = "durable, 2 KB, 100 sessions, one mail a connection, against {}"
        return self._compare(
            act,
            ("relay", "postfix", "stock"),
            Figure(name.format("Postfix"), "mails/s", "relay", "postfix", 3, 5),
            Figure(name.format("stock that keeps nothing"), "mails/s", "relay", "stock", 1.8, 3),
        )

    def alone(self) -> list[Result]:
        def act(server: servers.Server) -> float:
            return smtp_source(server.port, 1000, 1, 2048, kept=False)

        name = "durable, 2 KB, one session, one mail a connection, against Postfix"
        figure = Figure(name, "mails/s", "relay", "postfix", 1.2, 1.6)
        return self._compare(act, ("relay", "postfix"), figure)

    def tls(self) -> list[Result]:
        def act(server: servers.Server) -> float:
            login = servers.LOGIN, servers.PASSWORD
            self._load.send(server.tls_port, 20, 1, 2048, *login)  # the password is known now
            return self._load.send(server.tls_port, 600, 10, 2048, *login)

        name = "STARTTLS and AUTH PLAIN, one mail a connection, against stock"
        return self._compare(
            act, ("relay", "stock"), Figure(name, "mails/s", "relay", "stock", 1.2, 1.5)
        )

    def slow_disk(self) -> list[Result]:
        def act(server: servers.Server) -> float:
            return smtp_source(server.port, 4000, 100, 2048, kept=True)

        name = "the same on a disk whose fsync takes 5 ms, against Postfix"
        figure = Figure(name, "mails/s", "relay", "postfix", 4, 6)
        return self._compare(act, ("relay", "postfix"), figure, preload=str(self._slow_disk))

    def large(self) -> list[Result]:
        def act(server: servers.Server) -> float:
            return 10 * self._load.send(server.port, 24, 4, 10_000_000)

        name = "durable, 10 MB base64, 4 sessions, against {}"
        return self._compare(
            act,
            ("relay", "postfix", "stock"),
            Figure(name.format("stock that keeps nothing"), "MB/s", "relay", "stock", 5, 8),
            Figure(name.format("Postfix"), "MB/s", "relay", "postfix", 1.5, 2.5),
        )

    def crowd(self) -> list[Result]:
        """100 sessions send 25 MB each at once: how long a bystander waits, and what it takes."""
        memory: dict[int, float] = {}

        def wait(server: servers.Server) -> float:
            with (
                growth(server.pid) as grown,
                self._load.bystander(server.port) as waits,
            ):
                self._load.send(server.port, 100, 100, 25_000_000)
            memory[server.pid] = grown[0]
            return waits[0]

        names = ("relay", "stock")
        lag = Figure("p99 of NOOP, 100 x 25 MB", "ms", *names, 8, 30, is_less_better=True)
        peak = Figure("memory growth, 100 x 25 MB", "MB", *names, 100, 300, is_less_better=True)
        results = self._compare(wait, names, lag)
        grown = list(memory.values())
        ours, peers = grown[::2], grown[1::2]
        ratios = [p / o for o, p in zip(ours, peers, strict=True)]
        return [*results, Result(peak, ratios, ours, peers)]

    def idle(self) -> list[Result]:
        """Its floor and goal are amounts: 20 KB and 8 KB a session."""
        sessions = 2000

        def act(server: servers.Server) -> float:
            before = resident(server.pid)
            with self._load.idle(server.port, sessions):
                return (resident(server.pid) - before) * 1000 / sessions

        names = ("relay", "stock")
        name = "memory of an idle session (floor 20 KB, goal 8 KB)"
        return self._compare(act, names, Figure(name, "KB", *names, 0, 1, is_less_better=True))

    def _compare(
        self, act: Act, names: tuple[str, ...], *figures: Figure, preload: str = ""
    ) -> list[Result]:
        def measure(name: str) -> Measure:
            def run() -> float:
                with START[name](self._directory / name, preload) as server:
                    return act(server)

            return run

        contestants = {name: measure(name) for name in names}
        return compare(figures, contestants, self._rounds, self._console)


def _slow_disk(directory: Path) -> Path:
    library = directory / "slowsync.so"
    source = Path(__file__).with_name("slowsync.c")
    command: list[str | Path] = ["gcc", "-O2", "-shared", "-fPIC", "-o", library, source, "-ldl"]
    subprocess.run(command, check=True)
    return library


def main() -> int:
    console = Console()
    parser = argparse.ArgumentParser(prog="python -m bench.door", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="how often each is measured")
    parser.add_argument("--directory", type=Path, help="on the disk to measure (a new one)")
    parser.add_argument("groups", nargs="*", help="which figures; all if none is named")
    arguments = parser.parse_args()
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if missing:
        console.print(f"Not here, so nothing can be compared: {', '.join(missing)}.")
        return 2
    # This process reads what the servers log: that is no part of them.
    os.sched_setaffinity(0, {int(servers.CLIENT_CORE)})
    with tempfile.TemporaryDirectory(dir=arguments.directory or "/var/tmp") as directory:
        Path(directory).chmod(0o755)
        bench = Bench(Path(directory), arguments.rounds, console)
        groups = bench.groups()
        results: list[Result] = []
        for name in arguments.groups or groups:
            console.print(f"[bold]{name}")
            results += groups[name]()
    show(results, console)
    return 0 if all(result.holds for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
