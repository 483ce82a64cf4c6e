"""HTTP to Microsoft Entra, as MSAL asks for it: with a time-out, without retries and cookies.

Proxy and certificates are those of the environment: HTTPS_PROXY, NO_PROXY, REQUESTS_CA_BUNDLE.
"""

from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

import requests

_SECONDS = 10


def new_session() -> requests.Session:
    """To be shared between threads, and closed by its owner."""
    session = requests.Session()
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    return session


@dataclass(frozen=True)
class AuthorityHttp:
    """An HTTP client for one authority (MSAL's parameter `http_client`)."""

    authority: str
    _session: requests.Session

    def get(self, url: str, **options: Any) -> requests.Response:
        return self._session.get(self._whole(url), timeout=_SECONDS, **options)

    def post(self, url: str, **options: Any) -> requests.Response:
        return self._session.post(self._whole(url), timeout=_SECONDS, **options)

    def close(self) -> None:
        """The session is its owner's to close."""

    def _whole(self, url: str) -> str:
        # MSAL forgets the authority's port where it asks whose a user is.
        portless = f"https://{urlsplit(self.authority).hostname}/"
        return f"{self.authority}/{url[len(portless) :]}" if url.startswith(portless) else url
