"""A way to Azurite that lets so many writes pass and holds the next, so that its writer can be
killed at each of them."""

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from typing import ClassVar
from urllib.parse import urlsplit

_HOP_BY_HOP = {"connection", "transfer-encoding", "keep-alive", "content-length"}


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


class _Proxy(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    upstream: ClassVar[str]
    gate: ClassVar[Gate]

    def _forward(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        connection = HTTPConnection(self.upstream, timeout=30)
        headers = {k: v for k, v in self.headers.items() if k.lower() not in _HOP_BY_HOP}
        connection.request(self.command, self.path, body, headers)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in _HOP_BY_HOP:
                self.send_header(name, value)
        size = answer.getheader("Content-Length", "0") if self.command == "HEAD" else len(text)
        self.send_header("Content-Length", str(size))
        self.end_headers()
        self.wfile.write(text)

    def _write(self) -> None:
        if self.gate.lets(f"{self.command} {self.path.partition('?')[0]}"):
            self._forward()
        else:
            self.close_connection = True

    do_GET = do_HEAD = _forward
    do_PUT = do_POST = do_DELETE = do_PATCH = do_MERGE = _write

    def log_message(self, format: str, *args: object) -> None:
        return


@contextmanager
def gated(connection_string: str, gate: Gate) -> Iterator[str]:
    """`connection_string` with a way through `gate` to all three services."""
    with ExitStack() as stack:
        for endpoint in re.findall(r"(?:Blob|Queue|Table)Endpoint=([^;]+)", connection_string):
            upstream = urlsplit(endpoint).netloc
            ours = stack.enter_context(_proxy(upstream, gate))
            connection_string = connection_string.replace(
                endpoint, endpoint.replace(upstream, ours)
            )
        stack.callback(gate.opened.set)
        yield connection_string


@contextmanager
def _proxy(upstream: str, gate: Gate) -> Iterator[str]:
    handler = type("Proxy", (_Proxy,), {"upstream": upstream, "gate": gate})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
