"""Tell the function app, through the queue, that this edge lives and how it does.

A heartbeat that the storage account does not take is dropped: the next one says more. What is
missing is noticed on the other side.
"""

import asyncio
import os
from collections.abc import Sequence
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version

import structlog

from edge.endings import endings_of
from edge.listener.reception import Reception
from edge.settings import Device
from edge.sightings import Sightings
from handoff.ids import new_id
from handoff.outbox import Outbox, OutboxUnavailable
from handoff.signals import (
    HEARTBEAT_LIVES_SECONDS,
    MOST_DEVICES,
    TLS_CERTIFICATE,
    DeviceSeen,
    EndingTold,
    Heartbeat,
    encode_signal,
)

_FIRST_SECONDS = 5
log = structlog.get_logger()


class Heart:
    """Beats as long as the edge runs. Settings are read anew at every beat."""

    def __init__(self, reception: Reception, outbox: Outbox) -> None:
        self._reception = reception
        self._outbox = outbox
        self._started_at = reception.now()
        self._beats = 0

    async def beat(self) -> None:
        """Send a heartbeat now and then, until cancelled."""
        pause = min(_FIRST_SECONDS, self._interval)
        while True:
            await asyncio.sleep(pause or _FIRST_SECONDS)
            pause = self._interval
            if pause:
                await self._send()

    @property
    def _interval(self) -> int:
        return self._reception.settings.heartbeat.interval

    async def _send(self) -> None:
        heartbeat = self._heartbeat(self._reception.now())
        try:
            await self._outbox.put_ticket(encode_signal(heartbeat), HEARTBEAT_LIVES_SECONDS)
        except OutboxUnavailable:
            return  # the forwarder tells of it
        self._beats += 1
        log.debug("heartbeat", devices=len(heartbeat.devices))

    def _heartbeat(self, now: datetime) -> Heartbeat:
        settings, spool = self._reception.settings, self._reception.spool
        registry = self._reception.metrics.registry
        ends = dict(endings_of(settings, os.environ).known)
        devices = turn_of(settings.devices, self._beats)
        return Heartbeat(
            id=new_id(now),
            site=settings.site,
            at=now,
            every=self._interval,
            version=_version(),
            started_at=self._started_at,
            spool_mails=spool.messages,
            spool_bytes=spool.octets,
            spool_most_bytes=settings.spool.max_bytes,
            faults=int(registry.get_sample_value("relay_forward_faults_total") or 0),
            certificate_ends_at=ends.pop(TLS_CERTIFICATE, None),
            endings=tuple(EndingTold(what=what, ends_at=at) for what, at in ends.items()),
            devices=tuple(_seen(device, self._reception.sightings) for device in devices),
        )


def turn_of(devices: Sequence[Device], beats: int) -> Sequence[Device]:
    """Those of `devices` that are told in this heartbeat: all, or in turn. Pure."""
    if len(devices) <= MOST_DEVICES:
        return devices
    start = beats * MOST_DEVICES % len(devices)
    return [*devices[start:], *devices[:start]][:MOST_DEVICES]


def _seen(device: Device, sightings: Sightings) -> DeviceSeen:
    sighting, hits = sightings.of(device.name), sightings.limit_hits(device.name)
    if sighting is None:
        return DeviceSeen(name=device.name, limit_hits=hits, silent_after=device.silent_after)
    return DeviceSeen(
        name=device.name,
        limit_hits=hits,
        last_seen=sighting.at,
        mails=sighting.mails,
        address=sighting.address,
        tls=sighting.tls,
        silent_after=device.silent_after,
    )


def _version() -> str:
    try:
        return version("smtp-graph-relay")
    except PackageNotFoundError:
        return ""
