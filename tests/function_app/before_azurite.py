"""A way to Azurite with somebody on it who may do what he wants with a call: for tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler
from typing import Any, ClassVar

from tests.fixtures.serving import serving

_HOP_BY_HOP = {"connection", "transfer-encoding", "keep-alive", "content-length"}


class Middleman(BaseHTTPRequestHandler):
    """A subclass decides; this hands calls on to `upstream`, and answers back."""

    protocol_version = "HTTP/1.1"
    upstream: ClassVar[str]

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def handed_on(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = HTTPConnection(self.upstream, timeout=30)
        headers = {k: v for k, v in self.headers.items() if k.lower() not in _HOP_BY_HOP}
        connection.request(self.command, self.path, body, headers)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer.status, list(answer.getheaders()), text

    def answer(self, status: int, headers: list[tuple[str, str]], text: bytes) -> None:
        told = {name.lower(): value for name, value in headers}
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in _HOP_BY_HOP:
                self.send_header(name, value)
        size = told.get("content-length", "0") if self.command == "HEAD" else str(len(text))
        self.send_header("Content-Length", size)
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: object) -> None:
        return


@contextmanager
def standing(middleman: type[Middleman], upstream: str, **others: Any) -> Iterator[str]:
    """Host and port of `middleman` before `upstream`; `others` become attributes of it."""
    handler = type("Standing", (middleman,), {"upstream": upstream, **others})
    with serving(handler) as address:
        yield address.removeprefix("http://")
