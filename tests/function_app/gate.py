"""A way to Azurite that lets so many writes pass and holds the next, so that its writer can be
killed at each of them."""

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import ClassVar
from urllib.parse import urlsplit

from tests.function_app.before_azurite import Middleman, standing


@dataclass
class Gate:
    passing: int = 1_000_000
    """So many writes pass."""
    passed: list[str] = field(default_factory=list)
    """Them, in short."""
    holding: Event = field(default_factory=Event)
    """A write waits, and will never be made."""
    opened: Event = field(default_factory=Event)
    _lock: Lock = field(default_factory=Lock)

    def lets(self, write: str) -> bool:
        with self._lock:
            if len(self.passed) < self.passing:
                self.passed.append(write)
                return True
        self.holding.set()
        self.opened.wait()
        return False


class _AtTheGate(Middleman):
    gate: ClassVar[Gate]

    def _hand_on(self) -> None:
        self.answer(*self.handed_on(self.body()))

    def _write(self) -> None:
        body = self.body()
        if self.gate.lets(f"{self.command} {self.path.partition('?')[0]}"):
            self.answer(*self.handed_on(body))
        else:
            self.close_connection = True

    do_GET = do_HEAD = _hand_on
    do_PUT = do_POST = do_DELETE = do_PATCH = do_MERGE = _write


@contextmanager
def gated(connection_string: str, gate: Gate) -> Iterator[str]:
    """`connection_string` with a way through `gate` to all three services."""
    with ExitStack() as stack:
        for endpoint in re.findall(r"(?:Blob|Queue|Table)Endpoint=([^;]+)", connection_string):
            upstream = urlsplit(endpoint).netloc
            ours = stack.enter_context(standing(_AtTheGate, upstream, gate=gate))
            connection_string = connection_string.replace(
                endpoint, endpoint.replace(upstream, ours)
            )
        stack.callback(gate.opened.set)
        yield connection_string
