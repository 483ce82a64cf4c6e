"""A way to the storage account that fails on demand: proxies before Azurite, on loopback."""

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from threading import Event
from typing import ClassVar, Literal
from urllib.parse import urlsplit

from tests.function_app.before_azurite import Middleman, standing

Service = Literal["Blob", "Queue", "Table"]


@dataclass
class Fault:
    """What is to happen to calls of `method` on a path that `path` is found in."""

    what: Literal["refuse", "lose answer", "hold", "hold answer"]
    """Answer 503; do it and break off; never do it; do it and never answer."""
    service: Service
    method: str
    path: str = ""
    times: int = 1
    struck: Event = field(default_factory=Event)
    calls: int = field(default=0, init=False)

    def strikes(self, service: Service, method: str, path: str) -> bool:
        if (service, method) != (self.service, self.method) or not re.search(self.path, path):
            return False
        self.calls += 1
        if self.times <= 0:
            return False
        self.times -= 1
        return True


class _Saboteur(Middleman):
    service: ClassVar[Service]
    faults: ClassVar[tuple[Fault, ...]]
    closing: ClassVar[Event]

    def _serve(self) -> None:
        body = self.body()
        due = [f for f in self.faults if f.strikes(self.service, self.command, self.path)]
        if not due:
            self.answer(*self.handed_on(body))
            return
        what = due[0].what
        if what in ("lose answer", "hold answer"):
            self.handed_on(body)
        due[0].struck.set()
        if what == "refuse":
            self.answer(503, [], b"")
            return
        if what in ("hold", "hold answer"):
            self.closing.wait()
        self.wfile = BytesIO()
        self.close_connection = True

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _serve


@contextmanager
def faulty_storage(connection_string: str, *faults: Fault) -> Iterator[str]:
    """`connection_string` with a way to the storage account that has `faults`."""
    closing = Event()
    with ExitStack() as stack:
        for service in sorted({fault.service for fault in faults}):
            found = re.search(rf"{service}Endpoint=([^;]+)", connection_string)
            assert found is not None
            upstream = urlsplit(found[1]).netloc
            parts = {"service": service, "faults": faults, "closing": closing}
            ours = stack.enter_context(standing(_Saboteur, upstream, **parts))
            replacement = found[0].replace(upstream, ours)
            connection_string = connection_string.replace(found[0], replacement)
        stack.callback(closing.set)
        yield connection_string
