"""The checks of the line to the storage account: names, the proxy, TLS, the clock."""

import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from urllib.parse import SplitResult, urlsplit

from console.doctor.proxy import check_proxy, open_line, proxy_of
from handoff.account import Account
from handoff.findings import Finding

_SKEW_SECONDS = 300
"""Storage refuses what is signed fifteen minutes off."""


def hosts_of(account: Account) -> list[SplitResult]:
    """Where the queue, blob and table services are."""
    if account.connection_string is None:
        places = [account.queue_url, account.blob_url, account.table_url]
        return [urlsplit(place) for place in places if place]
    parts = dict(p.split("=", 1) for p in account.connection_string.split(";") if "=" in p)
    suffix = parts.get("EndpointSuffix", "core.windows.net")
    scheme = parts.get("DefaultEndpointsProtocol", "https")
    return [
        urlsplit(
            parts.get(f"{part.capitalize()}Endpoint")
            or f"{scheme}://{parts.get('AccountName', '')}.{part}.{suffix}"
        )
        for part in ("queue", "blob", "table")
    ]


def check_network(account: Account, now: datetime) -> Iterator[Finding]:
    places = hosts_of(account)
    for place in filter(_is_direct, places):  # else the proxy looks the name up
        try:
            socket.getaddrinfo(place.hostname, place.port or 443, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as fault:
            fix = "Check the address and this machine's DNS; a private endpoint needs its zone."
            yield Finding("N01", "names", "fail", f"{place.hostname}: {fault}", fix=fix)
            yield from (Finding(id_, name, "skip", "Needs N01.") for id_, name in _REST)
            return
    yield Finding("N01", "names", "ok", ", ".join(str(place.hostname) for place in places))
    for finding in check_proxy(places):
        yield finding
        if finding.verdict == "fail":
            yield from (Finding(id_, name, "skip", "Needs N04.") for id_, name in _REST[1:])
            return
    dates = []
    for place in places:
        try:
            dates.append(_date_of(place))
        except (OSError, HTTPException, ValueError) as fault:
            yield Finding("N02", "line", "fail", f"{place.hostname}: {fault}", fix=_fix(fault))
            yield Finding("N03", "clock", "skip", "Needs N02.")
            return
    yield Finding("N02", "line", "ok", "Queue, blob and table answer.")
    yield _clock([date for date in dates if date is not None], now)


_REST = (("N04", "proxy"), ("N02", "line"), ("N03", "clock"))


def _is_direct(place: SplitResult) -> bool:
    return proxy_of(place) is None


def _date_of(place: SplitResult) -> datetime | None:
    connection, target = open_line(place)
    try:
        connection.request("HEAD", target)
        date = connection.getresponse().getheader("Date")
    finally:
        connection.close()
    return parsedate_to_datetime(date) if date else None


def _fix(fault: Exception) -> str:
    if isinstance(fault, ssl.SSLCertVerificationError):
        return (
            "Something on the way shows a certificate of its own: exempt the storage account from "
            "TLS inspection, or set SSL_CERT_FILE and REQUESTS_CA_BUNDLE to its authority."
        )
    return "Let this machine reach port 443 of the queue, blob and table endpoints."


def _clock(dates: list[datetime], now: datetime) -> Finding:
    if not dates:
        return Finding("N03", "clock", "skip", "The storage account did not tell its time.")
    skew = max(abs((now.astimezone(UTC) - date).total_seconds()) for date in dates)
    if skew > _SKEW_SECONDS:
        fix = "Set the clock by NTP (chrony, timesyncd)."
        return Finding("N03", "clock", "fail", f"It is {skew:.0f} s off.", fix=fix)
    return Finding(
        "N03", "clock", "ok", f"Within {max(1, round(skew))} s of the storage account's."
    )
