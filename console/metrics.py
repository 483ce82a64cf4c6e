"""The figures of the whole relay for Prometheus, as the ledger, the queues and the edges tell them.

Counts are those of a window that moves, so they are gauges. Labels are names that an administrator
gave, of sites, devices and identities; nothing from a mail is ever one.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import attrgetter

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from console.reading.figures import Picture
from handoff.delivery import State
from handoff.refreshes import Refresh
from handoff.sites import Device, Site

WINDOWS = {"1h": timedelta(hours=1), "24h": timedelta(days=1)}
_at, _ends_at = attrgetter("at"), attrgetter("ends_at")
_OF_A_SITE = ("site",)
_OF_A_DEVICE = ("site", "device")


@dataclass(frozen=True)
class Standing:
    """All that is told, as of one moment."""

    picture: Picture
    sites: Sequence[Site]
    devices: Sequence[Device]
    endings: Mapping[str, datetime]
    refreshes: Mapping[str, Refresh]
    alarms: int
    dead_letters: int


def exposition(standing: Standing, now: datetime) -> bytes:
    """In the text format of Prometheus."""
    registry = CollectorRegistry()
    registry.register(_Told(standing, now))
    return generate_latest(registry)


class _Told(Collector):
    def __init__(self, standing: Standing, now: datetime) -> None:
        self._standing = standing
        self._now = now

    def collect(self) -> Iterator[Metric]:
        standing = self._standing
        yield from _of_mails(standing.picture)
        yield from _of_queues(standing)
        yield from _of_sites(standing.sites, self._now)
        yield from _of_devices(standing.devices, self._now)
        yield _of_endings(standing)
        yield from _of_tokens(standing.refreshes)


def _of_mails(picture: Picture) -> Iterator[Metric]:
    figures = {window: picture.last(span) for window, span in WINDOWS.items()}
    yield _gauge(
        "relay_deliveries",
        "Mails accepted within the window, by what became of them.",
        ("window", "state"),
        (
            ((window, state.value), of.states.get(state, 0))
            for window, of in figures.items()
            for state in State
        ),
    )
    yield _gauge(
        "relay_delivery_retries",
        "Attempts beyond the first, at the mails of the window.",
        ("window",),
        (((window,), max(0, of.attempts - of.mails)) for window, of in figures.items()),
    )
    for name, part in (("p50", 0.5), ("p95", 0.95)):
        times = ((window, of.percentile(part)) for window, of in figures.items())
        yield _gauge(
            f"relay_delivery_{name}_seconds",
            f"Within what time from the 250 {part:.0%} of the sent mails were sent.",
            ("window",),
            (((window,), seconds) for window, seconds in times if seconds is not None),
        )


def _of_queues(standing: Standing) -> Iterator[Metric]:
    queues = standing.picture.queues
    for name, text, value in (
        ("relay_queue_messages", "Messages in the queue, those in hand too.", queues.outbound),
        (
            "relay_queue_oldest_age_seconds",
            "Age of the message that would be taken next; 0 when none waits.",
            queues.oldest_seconds,
        ),
        ("relay_poison_messages", "Messages that failed again and again.", queues.poison),
        ("relay_dead_letters", "Mails kept until somebody acts.", standing.dead_letters),
        ("relay_alarms_open", "Alarms that are not over.", standing.alarms),
    ):
        yield _gauge(name, text, (), [((), value)])


def _of_sites(sites: Sequence[Site], now: datetime) -> Iterator[Metric]:
    def of(name: str, text: str, values: Iterable[float]) -> Metric:
        keys = ((site.name,) for site in sites)
        return _gauge(f"relay_site_{name}", text, _OF_A_SITE, zip(keys, values, strict=True))

    yield of(
        "last_heard_timestamp_seconds",
        "When the edge told of itself last.",
        (site.at.timestamp() for site in sites),
    )
    yield of(
        "started_timestamp_seconds",
        "When the edge started.",
        (site.started_at.timestamp() for site in sites),
    )
    yield of("silent", "1 when the edge is overdue.", (site.is_silent(now) for site in sites))
    yield of("spool_mails", "Mails in its spool.", (site.spool_mails for site in sites))
    yield of("spool_bytes", "Octets in its spool.", (site.spool_bytes for site in sites))


def _of_devices(devices: Sequence[Device], now: datetime) -> Iterator[Metric]:
    seen = [one for one in devices if one.last_seen is not None]
    yield _gauge(
        "relay_device_last_seen_timestamp_seconds",
        "When the last mail of the device was accepted.",
        _OF_A_DEVICE,
        (((one.site, one.name), one.last_seen.timestamp()) for one in seen if one.last_seen),
    )
    yield _gauge(
        "relay_device_silent",
        "1 when it has sent nothing for longer than its silent_after.",
        _OF_A_DEVICE,
        (((one.site, one.name), one.is_silent(now)) for one in devices),
    )
    yield _gauge(
        "relay_device_limit_hits",
        "How often it was refused for its rate or a limit, since its edge started.",
        _OF_A_DEVICE,
        (((one.site, one.name), one.limit_hits) for one in devices),
    )


def _of_endings(standing: Standing) -> Metric:
    ends: dict[tuple[str, ...], float] = {
        (what, "site", site.name): at.timestamp()
        for site in standing.sites
        for what, at in site.endings.items()
    }
    for key, at in standing.endings.items():
        name, _, kind = key.rpartition(".")
        ends[kind, "identity", name] = at.timestamp()
    text = "When a certificate, a client secret or a signature ends."
    labels = ("what", "of", "name")
    return _gauge("relay_expiry_timestamp_seconds", text, labels, ends.items())


def _of_tokens(refreshes: Mapping[str, Refresh]) -> Iterator[Metric]:
    for name, text, times in (
        ("refreshed", "When an identity was given a new token.", _at),
        ("expiry", "When that token ends; a new one is fetched before.", _ends_at),
    ):
        values = (((identity,), times(one).timestamp()) for identity, one in refreshes.items())
        yield _gauge(f"relay_token_{name}_timestamp_seconds", text, ("identity",), values)


def _gauge(
    name: str,
    text: str,
    labels: Sequence[str],
    values: Iterable[tuple[tuple[str, ...], float]],
) -> Metric:
    family = GaugeMetricFamily(name, text, labels=labels)
    for key, value in values:
        family.add_metric(key, float(value))
    return family
