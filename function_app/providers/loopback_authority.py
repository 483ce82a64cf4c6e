"""An Entra authority on http://127.0.0.1 for MSAL, which takes https:// only.

MSAL is told of the same authority under https://; what it sends there goes out as http://, and
the addresses in what comes back read https:// again. Nothing but that one authority is touched.
"""

from dataclasses import dataclass
from typing import Any, Self

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
class LoopbackAuthority:
    """An HTTP client as MSAL asks for one (its parameter `http_client`)."""

    address: str
    """The authority as MSAL knows it, with https://."""
    _true_address: str
    _session: requests.Session

    @classmethod
    def of(cls, authority: str, session: requests.Session) -> Self | None:
        """For an http:// authority; None when there is nothing to disguise."""
        if not authority.startswith("http://"):
            return None
        return cls(authority.replace("http://", "https://", 1), authority, session)

    def get(self, url: str, **kwargs: Any) -> _Answer:
        return self._disguised(self._session.get(self._true(url), **kwargs))

    def post(self, url: str, **kwargs: Any) -> _Answer:
        return self._disguised(self._session.post(self._true(url), **kwargs))

    def close(self) -> None:
        self._session.close()

    def _true(self, url: str) -> str:
        if not url.startswith(f"{self.address}/"):
            return url
        return self._true_address + url.removeprefix(self.address)

    def _disguised(self, answer: requests.Response) -> _Answer:
        text = answer.text.replace(f"{self._true_address}/", f"{self.address}/")
        return _Answer(answer.status_code, text, dict(answer.headers))
