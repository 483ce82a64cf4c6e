"""Notice who is not heard: a site without heartbeats, a device without mail.

While the queue is behind, nobody can tell, and nothing is said.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta

from function_app.notices.alarms import AlarmKey, Alarms, found
from handoff.queues import read_queues
from handoff.sites import Device, Site, Sites
from handoff.storage import Storage

SITE_SILENT, DEVICE_SILENT = "site_silent", "device_silent"
_BEHIND = timedelta(minutes=5)


def listen(storage: Storage, now: Callable[[], datetime]) -> None:
    """Raise and clear the alarms of this round. Storage faults pass through."""
    moment = now()
    if read_queues(storage, moment).oldest_seconds > _BEHIND.total_seconds():
        return
    sites = Sites(storage.status)
    silent = dict(silent_ones(sites.all(), sites.devices(moment), moment))
    alarms = Alarms(storage, now)
    for key, sentence in silent.items():
        alarms.raise_alarm(key, sentence)
    for alarm in found(storage):
        is_ours = alarm.key.code in (SITE_SILENT, DEVICE_SILENT)
        if is_ours and not alarm.is_over and alarm.key not in silent:
            alarms.clear(alarm.key)


def silent_ones(
    sites: Sequence[Site], devices: Sequence[Device], now: datetime
) -> Iterator[tuple[AlarmKey, str]]:
    """Who is not heard, and what to do about it. Pure."""
    silent_sites = {site.name for site in sites if site.is_silent(now)}
    for site in sites:
        if site.name in silent_sites:
            yield AlarmKey("", SITE_SILENT, about=site.name or "(no name)"), _of_site(site)
    for device in devices:
        # Of a silent site nobody knows what its devices do.
        if device.site not in silent_sites and device.is_silent(now):
            about = f"{device.site}.{device.name}".strip(".")
            yield AlarmKey("", DEVICE_SILENT, about=about), _of_device(device)


def _of_site(site: Site) -> str:
    return (
        f"The edge of site {site.name or '(no name)'} was last heard at {site.at:%Y-%m-%d %H:%M} "
        "UTC. Check that it runs and reaches the storage account; if it is no more, forget it: "
        f"relay sites forget {site.name or '-'}."
    )


def _of_device(device: Device) -> str:
    assert device.last_seen is not None  # else nothing was expected of it
    return (
        f"Device {device.name} of site {device.site or '(no name)'} sent its last mail at "
        f"{device.last_seen:%Y-%m-%d %H:%M} UTC. Check the device; what is normal for it is its "
        "setting silent_after."
    )
