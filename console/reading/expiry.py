"""What is about to expire, soonest first. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from handoff.sites import Site


@dataclass(frozen=True)
class Expiry:
    what: str
    at: datetime
    seconds: float
    """From now on; negative when it is over."""


def expiries(sites: Iterable[Site], endings: Mapping[str, datetime], now: datetime) -> list[Expiry]:
    """What ends at the edges, and the credentials of the function app."""
    ends = {
        f"{what.replace('-', ' ')} of site {site.name or '-'}": at
        for site in sites
        for what, at in site.endings.items()
    }
    for name, at in endings.items():
        identity, _, kind = name.rpartition(".")
        ends[f"{kind} of identity {identity}"] = at
    found = [Expiry(what, at, (at - now).total_seconds()) for what, at in ends.items()]
    return sorted(found, key=lambda one: one.at)
