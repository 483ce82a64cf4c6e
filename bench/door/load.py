"""The clients, on core 1: Postfix's smtp-source, and ours for what it cannot do."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.door.servers import CLIENT_CORE

_ON_CORE = ["taskset", "-c", CLIENT_CORE]


def smtp_source(port: int, mails: int, sessions: int, octets: int, *, kept: bool) -> float:
    """Mails a second. `kept`: a session sends one mail after the other on its connection."""
    command = [*_ON_CORE, "smtp-source", "-s", str(sessions), "-m", str(mails), "-l", str(octets)]
    command += ["-f", "bench@contoso.com", "-t", "ann@contoso.com", *(["-d"] if kept else [])]
    began = time.monotonic()
    subprocess.run([*command, f"127.0.0.1:{port}"], check=True, stdout=subprocess.DEVNULL)
    return mails / (time.monotonic() - began)


class Load:
    """`load.go`, built once."""

    def __init__(self, directory: Path) -> None:
        self._program = directory / "load"
        source = Path(__file__).with_name("load.go")
        subprocess.run(["go", "build", "-o", self._program, source], check=True)

    def send(self, port: int, mails: int, sessions: int, octets: int, *login: str) -> float:
        """Mails a second, each on a connection of its own; with STARTTLS if there is a login."""
        numbers = map(str, (sessions, mails, octets))
        command = self._command("send", port, *numbers, *login)
        return float(subprocess.run(command, check=True, capture_output=True).stdout)

    @contextmanager
    def idle(self, port: int, sessions: int) -> Iterator[None]:
        """Hold so many sessions that do nothing."""
        with self._running("idle", port, str(sessions)):
            yield

    @contextmanager
    def bystander(self, port: int) -> Iterator[list[float]]:
        """How long others wait for the server meanwhile: in the end, the p99 in ms."""
        found: list[float] = []
        with self._running("probe", port) as process:
            yield found
            output, _ = process.communicate()
        found.append(float(output))

    def _command(self, *arguments: str | int) -> list[str]:
        what, port, *more = map(str, arguments)
        return [*_ON_CORE, str(self._program), what, f"127.0.0.1:{port}", *more]

    @contextmanager
    def _running(self, *arguments: str | int) -> Iterator["subprocess.Popen[bytes]"]:
        pipe = subprocess.PIPE
        with subprocess.Popen(self._command(*arguments), stdin=pipe, stdout=pipe) as process:
            assert process.stdout is not None
            if not process.stdout.readline():
                raise RuntimeError(f"load {arguments[0]} could not begin")
            yield process
            process.communicate()
