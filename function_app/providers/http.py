"""HTTP sessions for the providers: a time-out on every call, no retry, no cookie.

Who retries a mail is the queue, and a request that is sent twice behind our back is a second
copy of a mail.
"""

from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from requests.adapters import HTTPAdapter

_CONNECTIONS = 64


class _TimedAdapter(HTTPAdapter):
    def __init__(self, connect_seconds: float, read_seconds: float) -> None:
        super().__init__(pool_maxsize=_CONNECTIONS, max_retries=0)
        self._timeout = (connect_seconds, read_seconds)

    def send(
        self, request: requests.PreparedRequest, *args: Any, **kwargs: Any
    ) -> requests.Response:
        kwargs["timeout"] = kwargs.get("timeout") or self._timeout
        return super().send(request, *args, **kwargs)


def session(connect_seconds: float, read_seconds: float) -> requests.Session:
    """A session that threads may share. Nobody but its owner changes its defaults."""
    shared = requests.Session()
    shared.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    for scheme in ("https://", "http://"):
        shared.mount(scheme, _TimedAdapter(connect_seconds, read_seconds))
    return shared
