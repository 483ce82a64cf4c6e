"""An operator's web server: a real one, that keeps what is posted and answers as it is told."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.fixtures.serving import serving

TOKEN = "t0ken-in-the-path"


@dataclass(frozen=True)
class Posted:
    path: str
    headers: dict[str, str]
    """By their names in lower case."""
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


@dataclass
class Hook:
    url: str
    answers: list[int] = field(default_factory=list)
    """The next statuses; 0 breaks the connection off. Then 204."""
    posted: list[Posted] = field(default_factory=list)
    """All that arrived, whatever the answer was."""

    @property
    def events(self) -> list[tuple[str, str]]:
        """Kind and subject of each."""
        return [
            (event["event"], event.get("mail") or event.get("alarm") or str(event.get("count")))
            for event in (posted.event for posted in self.posted)
        ]


class _Handler(BaseHTTPRequestHandler):
    hook: Hook

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.hook.posted.append(Posted(self.path, headers, body))
        status = self.hook.answers.pop(0) if self.hook.answers else 204
        if not status:
            self.close_connection = True
            return
        self.send_response(status)
        if 300 <= status < 400:
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST

    def log_message(self, format: str, *args: object) -> None:
        return


@contextmanager
def a_hook() -> Iterator[Hook]:
    class Handler(_Handler):
        pass

    with serving(Handler) as address:
        Handler.hook = Hook(f"{address}/hooks/{TOKEN}?key={TOKEN}")
        yield Handler.hook
