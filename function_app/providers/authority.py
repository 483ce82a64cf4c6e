"""An Entra authority of our own for MSAL, which takes https:// only, and forgets a port.

MSAL is told of the same authority under https://; what it sends there goes out as http:// if that
is what the authority is, and the addresses in what comes back read https:// again. Where it asks
whose a user is, it leaves out the port. Nothing but that one authority is touched.
"""

from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

import requests


@dataclass(frozen=True)
class _Answer:
    status_code: int
    text: str
    headers: dict[str, str]

    def raise_for_status(self) -> None:
        if self.status_code >= 400:
            raise requests.HTTPError(f"HTTP {self.status_code}")


@dataclass(frozen=True)
class AuthorityHttp:
    """An HTTP client as MSAL asks for one (its parameter `http_client`)."""

    address: str
    """The authority as MSAL knows it, with https://."""
    _true_address: str
    _session: requests.Session

    @classmethod
    def of(cls, authority: str, session: requests.Session) -> Self | None:
        """None when there is nothing that MSAL would not do right by itself."""
        if not authority.startswith("http://") and urlsplit(authority).port is None:
            return None
        return cls(authority.replace("http://", "https://", 1), authority, session)

    def get(self, url: str, **kwargs: Any) -> _Answer:
        return self._disguised(self._session.get(self._true(url), **kwargs))

    def post(self, url: str, **kwargs: Any) -> _Answer:
        return self._disguised(self._session.post(self._true(url), **kwargs))

    def close(self) -> None:
        self._session.close()

    def _true(self, url: str) -> str:
        portless = f"https://{urlsplit(self.address).hostname}"
        for address in (self.address, portless):
            if url.startswith(f"{address}/"):
                return self._true_address + url.removeprefix(address)
        return url

    def _disguised(self, answer: requests.Response) -> _Answer:
        text = answer.text.replace(f"{self._true_address}/", f"{self.address}/")
        return _Answer(answer.status_code, text, dict(answer.headers))
