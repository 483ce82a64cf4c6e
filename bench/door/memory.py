"""What a process has in memory, as the kernel says."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def resident(pid: int) -> float:
    """Megabytes now."""
    return _read(pid, "VmRSS")


@contextmanager
def growth(pid: int) -> Iterator[list[float]]:
    """By how many megabytes the peak rises above what it is now; at least a tenth."""
    before, found = resident(pid), [0.0]
    yield found
    found[0] = max(0.1, _read(pid, "VmHWM") - before)


def _read(pid: int, name: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1000
    raise LookupError(name)
