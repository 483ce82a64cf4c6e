"""What is about to expire, soonest first. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from handoff.sites import Site


@dataclass(frozen=True)
class Expiry:
    what: str
    at: datetime
    seconds: float
    """From now on; negative when it is over."""


def expiries(sites: Iterable[Site], now: datetime) -> list[Expiry]:
    """The certificates of the edges."""
    found = [
        Expiry(
            f"certificate of site {site.name or '-'}",
            site.certificate_ends_at,
            (site.certificate_ends_at - now).total_seconds(),
        )
        for site in sites
        if site.certificate_ends_at is not None
    ]
    return sorted(found, key=lambda one: one.at)
