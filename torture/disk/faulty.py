"""Preload the disk into a program, and tell it what to do."""

from pathlib import Path

from torture.preloaded import compiled, say

SOURCE = Path(__file__).with_name("disk.c")


class FaultyDisk:
    """The disk below `directory`, for a program that is started with `environment`."""

    def __init__(self, directory: Path, workshop: Path, library: Path | None = None) -> None:
        """`workshop` keeps the record and the faults, and the library unless there is one.

        Raises NoCompiler.
        """
        self.directory = directory
        self.record = workshop / "disk.record"
        self._fault = workshop / "disk.fault"
        self._offset = workshop / "clock.offset"
        workshop.mkdir(parents=True, exist_ok=True)
        self._library = library or compiled(SOURCE, workshop)

    def environment(self, *, recorded: bool = True) -> dict[str, str]:
        variables = {
            "LD_PRELOAD": str(self._library),
            "DISK_DIRECTORY": str(self.directory),
            "DISK_FAULT": str(self._fault),
            "CLOCK_OFFSET": str(self._offset),
        }
        return variables | ({"DISK_RECORD": str(self.record)} if recorded else {})

    def fail(self, point: str, error: int) -> None:
        """From now on calls at `point`, such as `sync:log`, end with `error`."""
        say(self._fault, f"{point} errno {error}")

    def kill_at(self, point: str, when: str) -> None:
        """Kill the program the next time that it is `before`, `within` or `after` `point`."""
        say(self._fault, f"{point} kill-{when}")

    def step_clock(self, seconds: int) -> None:
        """Let the program's clock be wrong by `seconds`."""
        say(self._offset, str(seconds))

    def heal(self) -> None:
        self._fault.unlink(missing_ok=True)
        self._offset.unlink(missing_ok=True)
