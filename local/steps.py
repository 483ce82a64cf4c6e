"""What a set-up shows while it works, and what it says when a program that it runs fails.

Standard library alone, as local/setup.py.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

_ALIVE_SECONDS = 10.0
_DISK_FULL = ("No space left on device", "ENOSPC", "Disk quota exceeded", "EDQUOT")
_OFFLINE = (
    "Failed to establish a new connection",
    "Max retries exceeded",
    "Connection refused",
    "Network is unreachable",
    "Temporary failure in name resolution",
    "dns error",
    "tcp connect error",
    "ECONNREFUSED",
    "ENETUNREACH",
    "ENOTFOUND",
    "ETIMEDOUT",
    "EAI_AGAIN",
)


class Failed(Exception):
    """Something could not be installed. The text says what, and what to do."""

    def __init__(self, text: str, is_final: bool = False) -> None:
        """`is_final`: another way to do the same would fail too."""
        super().__init__(text)
        self.is_final = is_final


def step(name: str, work: Callable[[], None]) -> None:
    """Do `work`, showing that it is under way and how long it took. Failures get its name."""
    ended = threading.Event()
    began = time.monotonic()
    shower = threading.Thread(target=_show_life, args=(name, ended, began))
    if not sys.stdout.isatty():
        print(f"Installing {name} ...", flush=True)
    shower.start()
    try:
        work()
    except BaseException as error:
        ended.set()
        shower.join()
        _show(f"Installing {name} ... failed", f"  failed after {_since(began)}")
        if isinstance(error, Failed):
            raise Failed(f"{name}: {error}") from error
        raise
    ended.set()
    shower.join()
    _show(f"Installed {name} in {_since(began)}", f"  done in {_since(began)}")


def run(command: list[str | Path], directory: Path) -> None:
    """Raises Failed, with the cause when it is a usual one."""
    done = subprocess.run(
        command, cwd=directory, capture_output=True, text=True, errors="replace", check=False
    )
    if done.returncode:
        raise cause_of(done.stdout + done.stderr)


def cause_of(output: str) -> Failed:
    """What the output of a program that failed comes down to."""
    if any(sign in output for sign in _DISK_FULL):
        return Failed("the disk is full", is_final=True)
    if any(sign in output for sign in _OFFLINE):
        return Failed("no network; it is needed once, to fetch packages")
    last = "\n  ".join(output.strip().splitlines()[-6:])
    return Failed(f"could not be installed\n  {last}")


def _show_life(name: str, ended: threading.Event, began: float) -> None:
    on_terminal = sys.stdout.isatty()
    while not ended.wait(0.2 if on_terminal else _ALIVE_SECONDS):
        if on_terminal:
            print(f"\rInstalling {name} ... {_since(began)}", end="", flush=True)
        else:
            print(f"  still at it, {_since(began)}", flush=True)


def _show(on_terminal: str, elsewhere: str) -> None:
    if sys.stdout.isatty():
        print(f"\r\033[K{on_terminal}", flush=True)
    else:
        print(elsewhere, flush=True)


def _since(began: float) -> str:
    return f"{time.monotonic() - began:.1f} s"
