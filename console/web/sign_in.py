"""Who is at the console: anybody on this machine, who knows the password, or whom a proxy names.

On a loopback address without a password everybody on the machine may look, as with the command
line; names other than loopback's are refused there, so that no web page can reach it by a name of
its own (DNS rebinding). Anywhere else a way to sign in is needed.
"""

import hashlib
import hmac
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address
from urllib.parse import urlsplit

from aiohttp import web
from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

COOKIE = "relay_session"
_LIFETIME_SECONDS = 12 * 3600
_TRIES, _WITHIN_SECONDS = 10, 600.0
_MOST_ADDRESSES = 10_000
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True)
class Access:
    """How somebody gets in."""

    local_user: str = ""
    """Who it is when there is neither password nor proxy."""
    password: str = field(default="", repr=False)
    """In clear, or as an argon2id hash."""
    user_header: str = ""
    """In which the proxy names who has signed in there."""
    proxies: Sequence[IPv4Network | IPv6Network] = ()
    metrics_token: str = field(default="", repr=False)
    """What a Prometheus shows in place of any of these, for /metrics alone."""

    @property
    def is_open(self) -> bool:
        return not self.password and not self.user_header


class Doorkeeper:
    """Sessions, and the tokens by which a page shows that a request is its own."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._key = secrets.token_bytes(32)
        self._wrong: dict[str, list[float]] = {}

    @property
    def metrics_token(self) -> str:
        return self._access.metrics_token

    def who(self, request: web.Request) -> str | None:
        """The name of who asks; None when nobody knows."""
        if self._access.is_open:
            return self._access.local_user if _is_loopback_name(request) else None
        if self._access.user_header:
            return self._named_by_proxy(request)
        return "admin" if self._is_session(request.cookies.get(COOKIE, "")) else None

    def may_try(self, address: str) -> bool:
        """Whether a password from `address` is looked at."""
        since = time.monotonic() - _WITHIN_SECONDS
        tries = [at for at in self._wrong.get(address, ()) if at > since]
        return len(tries) < _TRIES

    def session_for(self, password: str, address: str) -> str | None:
        """A session for who knows the password."""
        if self._access.password and _is_right(self._access.password, password):
            self._wrong.pop(address, None)
            ends = str(int(time.time()) + _LIFETIME_SECONDS)
            return f"{ends}.{self._sign('session', ends)}"
        if len(self._wrong) >= _MOST_ADDRESSES:
            self._wrong.clear()
        self._wrong.setdefault(address, []).append(time.monotonic())
        return None

    def token(self, who: str) -> str:
        """What a form of a page made for `who` carries."""
        return self._sign("form", who)

    def is_own(self, request: web.Request, who: str, token: str) -> bool:
        """Whether a form came from a page of ours."""
        origin = request.headers.get("Origin")
        is_here = origin is None or urlsplit(origin).netloc == request.host
        return is_here and hmac.compare_digest(token.encode(), self.token(who).encode())

    def _named_by_proxy(self, request: web.Request) -> str | None:
        try:
            remote = ip_address(request.remote or "")
        except ValueError:
            return None
        if not any(remote in network for network in self._access.proxies):
            return None
        return request.headers.get(self._access.user_header, "").strip()[:128] or None

    def _is_session(self, cookie: str) -> bool:
        ends, _, signature = cookie.partition(".")
        is_ours = hmac.compare_digest(signature.encode(), self._sign("session", ends).encode())
        return is_ours and ends.isdecimal() and int(ends) > time.time()

    def _sign(self, purpose: str, text: str) -> str:
        return hmac.digest(self._key, f"{purpose}\0{text}".encode(), hashlib.sha256).hex()


def _is_right(known: str, password: str) -> bool:
    if not known.startswith("$argon2id$"):
        return hmac.compare_digest(known.encode(), password.encode())
    try:
        return PasswordHasher().verify(known, password)
    except (Argon2Error, InvalidHashError):
        return False


def _is_loopback_name(request: web.Request) -> bool:
    try:
        return urlsplit(f"//{request.host}").hostname in _LOOPBACK_NAMES
    except ValueError:
        return False
