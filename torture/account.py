"""What was promised to whom, written down apart from the relay, as the clients heard it."""

import json
import threading
from dataclasses import asdict, dataclass
from pathlib import Path

NO_REPLY = 0


@dataclass(frozen=True)
class Heard:
    """What one client heard at the end of one mail."""

    number: int
    code: int
    """NO_REPLY when the connection broke behind the last dot."""
    id: str = ""
    """Of the 250."""


class Account:
    """All that was heard, in a file line by line. Written from several threads."""

    def __init__(self, file: Path) -> None:
        self._stream = file.open("a", encoding="utf-8")
        self._lock = threading.Lock()
        self.heard: list[Heard] = []

    def note(self, heard: Heard) -> None:
        with self._lock:
            self.heard.append(heard)
            self._stream.write(json.dumps(asdict(heard)) + "\n")
            self._stream.flush()

    def close(self) -> None:
        self._stream.close()
