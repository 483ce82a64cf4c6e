"""A way to the table service that fails on demand: a proxy before Azurite, on loopback."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from threading import Thread
from typing import ClassVar
from urllib.parse import urlsplit

_HOP_BY_HOP = {"connection", "transfer-encoding", "keep-alive", "content-length"}


@dataclass
class Faults:
    """What is to happen to the next updates of rows; inserts and reads pass."""

    refuse: int = 0
    """So many are answered with 503."""
    lose_answer: int = 0
    """So many are made, and the connection breaks off before the answer."""
    updates: int = field(default=0, init=False)


class _Proxy(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    upstream: ClassVar[str]
    faults: ClassVar[Faults]

    def _forward(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        connection = HTTPConnection(self.upstream, timeout=30)
        headers = {k: v for k, v in self.headers.items() if k.lower() not in _HOP_BY_HOP}
        connection.request(self.command, self.path, body, headers)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        self._answer(answer.status, list(answer.getheaders()), text)

    def _answer(self, status: int, headers: list[tuple[str, str]], text: bytes) -> None:
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in _HOP_BY_HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_PUT(self) -> None:
        self.faults.updates += 1
        if self.faults.refuse:
            self.faults.refuse -= 1
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self._answer(503, [], b"")
        elif self.faults.lose_answer:
            self.faults.lose_answer -= 1
            self.wfile = BytesIO()
            self._forward()
            self.close_connection = True
        else:
            self._forward()

    do_GET = do_POST = _forward

    def log_message(self, format: str, *args: object) -> None:
        return


@contextmanager
def faulty_tables(connection_string: str, faults: Faults) -> Iterator[str]:
    """`connection_string` with a way to the tables that has `faults`."""
    found = re.search(r"TableEndpoint=([^;]+)", connection_string)
    assert found is not None
    endpoint = urlsplit(found[1])
    handler = type("Proxy", (_Proxy,), {"upstream": endpoint.netloc, "faults": faults})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            ours = f"127.0.0.1:{server.server_port}"
            yield connection_string.replace(found[0], found[0].replace(endpoint.netloc, ours))
        finally:
            server.shutdown()
            thread.join()
