"""A way to the storage account that fails on demand: proxies before Azurite, on loopback."""

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from threading import Event, Thread
from typing import ClassVar, Literal
from urllib.parse import urlsplit

_HOP_BY_HOP = {"connection", "transfer-encoding", "keep-alive", "content-length"}
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


class _Proxy(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    upstream: ClassVar[str]
    service: ClassVar[Service]
    faults: ClassVar[tuple[Fault, ...]]
    closing: ClassVar[Event]

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        due = [f for f in self.faults if f.strikes(self.service, self.command, self.path)]
        if not due:
            self._answer(*self._forwarded(body))
            return
        what = due[0].what
        if what in ("lose answer", "hold answer"):
            self._forwarded(body)
        due[0].struck.set()
        if what == "refuse":
            self._answer(503, [], b"")
            return
        if what in ("hold", "hold answer"):
            self.closing.wait()
        self.wfile = BytesIO()
        self.close_connection = True

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _serve

    def _forwarded(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = HTTPConnection(self.upstream, timeout=30)
        headers = {k: v for k, v in self.headers.items() if k.lower() not in _HOP_BY_HOP}
        connection.request(self.command, self.path, body, headers)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer.status, list(answer.getheaders()), text

    def _answer(self, status: int, headers: list[tuple[str, str]], text: bytes) -> None:
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in _HOP_BY_HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: object) -> None:
        return


@contextmanager
def faulty_storage(connection_string: str, *faults: Fault) -> Iterator[str]:
    """`connection_string` with a way to the storage account that has `faults`."""
    closing = Event()
    with ExitStack() as stack:
        for service in sorted({fault.service for fault in faults}):
            found = re.search(rf"{service}Endpoint=([^;]+)", connection_string)
            assert found is not None
            upstream = urlsplit(found[1]).netloc
            ours = stack.enter_context(_proxy(upstream, service, faults, closing))
            replacement = found[0].replace(upstream, ours)
            connection_string = connection_string.replace(found[0], replacement)
        stack.callback(closing.set)
        yield connection_string


@contextmanager
def _proxy(
    upstream: str, service: Service, faults: tuple[Fault, ...], closing: Event
) -> Iterator[str]:
    parts = {"upstream": upstream, "service": service, "faults": faults, "closing": closing}
    with ThreadingHTTPServer(("127.0.0.1", 0), type("Proxy", (_Proxy,), parts)) as server:
        server.daemon_threads = True
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
