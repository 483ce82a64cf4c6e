"""A program that runs beside us and must not outlive us."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Protocol, Self

_PR_SET_PDEATHSIG = 1
# Loaded here: between fork and exec nothing may be loaded, another thread may hold the lock.
_LIBC = ctypes.CDLL(None)


class ChildFailed(Exception):
    """The program ended, or stayed silent, before it said what was waited for."""


class Process(Protocol):
    """What a Child needs of a started program; a `subprocess.Popen` has it."""

    @property
    def pid(self) -> int: ...

    @property
    def stdout(self) -> IO[str] | None: ...

    def poll(self) -> int | None: ...

    def wait(self, timeout: float | None = None) -> int: ...

    def send_signal(self, number: int, /) -> None: ...


class Child:
    """A started program and the lines that it has written.

    Its output is always read, so that it never blocks on a full pipe. It is killed when the
    thread that started it ends.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        environment: Mapping[str, str] | None = None,
        directory: Path | None = None,
        on_line: Callable[[str], None] | None = None,
    ) -> None:
        """`on_line` gets every line of standard output and error, in a thread of its own."""
        self.name = " ".join(Path(part).name for part in command[:3])
        self.lines: list[str] = []
        self._on_line = on_line
        self._news = threading.Condition()
        self._process = self._started(command, environment, directory)
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def _started(
        self,
        command: Sequence[str | Path],
        environment: Mapping[str, str] | None,
        directory: Path | None,
    ) -> Process:
        return subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=None if environment is None else dict(environment),
            cwd=directory,
            text=True,
            errors="replace",
            start_new_session=True,
            preexec_fn=_dies_with(os.getpid()) if sys.platform == "linux" else None,
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll()

    def wait_for(self, is_it: Callable[[str], bool], seconds: float) -> str:
        """The first line that `is_it` likes, of all written so far or later. Raises ChildFailed."""
        deadline = time.monotonic() + seconds
        seen = 0
        with self._news:
            while True:
                for line in self.lines[seen:]:
                    if is_it(line):
                        return line
                seen = len(self.lines)
                left = deadline - time.monotonic()
                if left <= 0 or not self._reading.is_alive():
                    said = "".join(f"\n  {line}" for line in self.lines[-12:])
                    ending = f"ended with {self.exit_code}" if left > 0 else "said nothing of it"
                    raise ChildFailed(f"{self.name} {ending}{said}")
                self._news.wait(min(left, 0.2))

    def wait(self, seconds: float) -> int:
        """Its exit code. Raises subprocess.TimeoutExpired."""
        return self._process.wait(seconds)

    def send(self, number: signal.Signals) -> None:
        if self.exit_code is None:
            self._process.send_signal(number)

    def kill(self) -> None:
        """End it at once, with everything that it started, as a crash would."""
        if self.exit_code is None:
            with suppress(ProcessLookupError):  # it has just ended
                os.killpg(self.pid, signal.SIGKILL)
        self._finish()

    def stop(self, seconds: float = 30) -> int:
        """Ask it to end, and see to it that it does."""
        self.send(signal.SIGTERM)
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
        return self._finish()

    def _finish(self) -> int:
        code = self._process.wait()
        self._reading.join(5)
        if self._process.stdout is not None:
            self._process.stdout.close()
        return code

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _read(self) -> None:
        assert self._process.stdout is not None  # asked for above
        for line in self._process.stdout:
            with self._news:
                self.lines.append(line.rstrip("\n"))
                self._news.notify_all()
            if self._on_line is not None:
                self._on_line(line.rstrip("\n"))
        with self._news:
            self._news.notify_all()


def _dies_with(parent: int) -> Callable[[], None]:
    def prepare() -> None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it ended before the kernel knew of our wish
            os._exit(1)

    return prepare
