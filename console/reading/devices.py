"""Devices as their edges tell of them, with what the ledger has of them. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from handoff.hours import Share
from handoff.sites import Device


@dataclass(frozen=True)
class KnownDevice:
    site: str
    name: str
    told: Device | None
    """By the heartbeats of its site; None when the ledger alone knows it."""
    share: Share


def join(told: Iterable[Device], shares: Mapping[str, Share]) -> list[KnownDevice]:
    """Each device once, the busiest first."""
    by_key = {f"{device.site}/{device.name}": device for device in told}
    found = []
    for key in by_key.keys() | shares.keys():
        site, _, name = key.partition("/")
        found.append(KnownDevice(site, name, by_key.get(key), shares.get(key, Share())))
    return sorted(found, key=lambda one: (-one.share.mails, one.site, one.name))
