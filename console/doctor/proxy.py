"""The proxy on the way to the storage account, as HTTPS_PROXY and NO_PROXY name it.

The storage clients obey both. Nothing here tells the user or password that such an address carries.
"""

from base64 import b64encode
from collections.abc import Iterator, Sequence
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from handoff.findings import Finding

_SECONDS = 10
_PORTS = {"http": 80, "https": 443}


def proxy_of(place: SplitResult) -> SplitResult | None:
    """None when the line to `place` is direct."""
    named = getproxies().get(place.scheme)
    if not named or proxy_bypass(place.hostname or ""):
        return None
    return urlsplit(named if "://" in named else f"http://{named}")


def open_line(place: SplitResult) -> tuple[HTTPConnection, str]:
    """A connection to `place`, not begun yet, and what to ask it for. Raises ValueError."""
    proxy = proxy_of(place)
    port = place.port or _PORTS.get(place.scheme, 443)
    if proxy is None:
        direct = HTTPSConnection if place.scheme == "https" else HTTPConnection
        return direct(str(place.hostname), port, timeout=_SECONDS), "/"
    host, proxy_port = str(proxy.hostname), proxy.port or _PORTS.get(proxy.scheme, 80)
    if place.scheme != "https":
        return HTTPConnection(host, proxy_port, timeout=_SECONDS), f"{place.geturl().rstrip('/')}/"
    line = HTTPSConnection(host, proxy_port, timeout=_SECONDS)
    line.set_tunnel(str(place.hostname), port, headers=_credentials(proxy))
    return line, "/"


def check_proxy(places: Sequence[SplitResult]) -> Iterator[Finding]:
    """Whether the proxy answers, and lets through to each of `places`."""
    proxied = [(place, proxy) for place in places if (proxy := proxy_of(place)) is not None]
    if not proxied:
        yield Finding("N04", "proxy", "ok", "None: the line is direct.")
        return
    name = ""
    for place, proxy in proxied:
        try:
            name = _name_of(proxy)
            _try(place, proxy)
        except (OSError, HTTPException, ValueError) as fault:
            text = f"{name or 'The address of the proxy'}: {fault}"
            yield Finding("N04", "proxy", "fail", text, fix=_fix(fault, place))
            return
    yield Finding("N04", "proxy", "ok", f"{name} lets through.")


def _try(place: SplitResult, proxy: SplitResult) -> None:
    """Go as far as the tunnel; TLS is looked at later."""
    port = proxy.port or _PORTS.get(proxy.scheme, 80)
    knock = HTTPConnection(str(proxy.hostname), port, timeout=_SECONDS)
    try:
        if place.scheme == "https":
            knock.set_tunnel(str(place.hostname), place.port or 443, headers=_credentials(proxy))
        knock.connect()
    finally:
        knock.close()


def _name_of(proxy: SplitResult) -> str:
    if not proxy.hostname:
        raise ValueError("names no host; write http://proxy.contoso.com:8080")
    return f"{proxy.hostname}:{proxy.port or _PORTS.get(proxy.scheme, 80)}"


def _credentials(proxy: SplitResult) -> dict[str, str]:
    if not proxy.username:
        return {}
    pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": "Basic " + b64encode(pair.encode()).decode("ascii")}


def _fix(fault: Exception, place: SplitResult) -> str:
    if "407" in str(fault):
        return "It wants a sign-in: HTTPS_PROXY=http://user:password@host:port."
    if "Tunnel" in str(fault):
        return f"Have the proxy allow CONNECT to {place.hostname}:{place.port or 443}."
    return "Correct HTTPS_PROXY, or name the storage account's hosts in NO_PROXY."
