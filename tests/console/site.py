"""The web console as a process, and a plain HTTP client for it."""

import os
import re
import sys
from collections.abc import Mapping
from html import unescape
from pathlib import Path
from typing import Any

import requests

from local.child import Child

ROOT = Path(__file__).parents[2]
_SECONDS = 20


class Site:
    """A running console."""

    def __init__(
        self, account: str, *arguments: str, environment: Mapping[str, str] | None = None
    ) -> None:
        known = {name: text for name, text in os.environ.items() if not name.startswith("EDGE_")}
        self.child = Child(
            [sys.executable, "-m", "console", "console", "--port", "0", *arguments],
            environment=known | {"MailStorage": account} | dict(environment or {}),
            directory=ROOT,
        )
        self.address = self.child.wait_for(lambda line: line.startswith("http://"), 30)
        self.session = requests.Session()

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.session.get(self.address + path, timeout=_SECONDS, **options)

    def search(self, query: str) -> str:
        """The page that a browser ends with, which lets a search without finds go on by itself."""
        path = f"/deliveries?q={query}"
        while True:
            text = self.get(path).text
            goes_on = re.search(r'hx-get="(/deliveries\?[^"]*older=[^"]*)"', text)
            if goes_on is None:
                return text
            path = unescape(goes_on[1])

    def post(self, path: str, data: Mapping[str, Any], **options: Any) -> requests.Response:
        return self.session.post(self.address + path, data=data, timeout=_SECONDS, **options)

    def token(self, path: str = "/failed") -> str:
        """Of the forms of a page."""
        found = re.search(r'name="token" value="([0-9a-f]+)"', self.get(path).text)

        assert found is not None
        return found[1]

    def close(self) -> None:
        self.session.close()
        self.child.stop()
