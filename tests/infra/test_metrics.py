"""What edge and console tell Prometheus: named as it wants names, and listed in docs/metrics.md."""

import re
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client import generate_latest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families

from console.metrics import Standing, exposition
from console.reading.figures import Picture
from edge.metrics import Metrics
from handoff.delivery import State
from handoff.hours import HOUR, Figures, Hour, hour_of
from handoff.queues import Queues
from handoff.refreshes import Refresh
from handoff.sites import Device, Site
from tests.figures import names_of, of_console, of_edge
from tests.infra.programs import needs

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"
NOW = datetime(2026, 11, 21, 5, 30, tzinfo=UTC)
BEFORE = NOW - timedelta(hours=1)
DAY = timedelta(days=1)
OTHERS = {"storage-secret": NOW + 30 * DAY}
SITE = Site("plant-2", BEFORE, 300, "1", BEFORE, 4, 1000, 10**10, 0, NOW + 3 * DAY, OTHERS)
FIGURES = Figures({State.SENT: 8, State.DEAD: 2}, attempts=13, times={3: 8})
STANDING = Standing(
    Picture(NOW, [Hour(hour_of(NOW) - HOUR, FIGURES, NOW)], [], Queues(7, 60, 1)),
    [SITE],
    [
        Device("plant-2", "ups", NOW, BEFORE, 9, "", "", 60, limit_hits=2),
        Device("plant-2", "erp", NOW, None, 0, "", "", None),
    ],
    {"default.secret": NOW + timedelta(days=9)},
    {"default": Refresh(BEFORE, NOW + DAY)},
    alarms=1,
    dead_letters=5,
)


def values() -> dict[str, float]:
    """Every sample, as Prometheus would write it."""
    text = exposition(STANDING, NOW).decode()
    return {
        line.rpartition(" ")[0]: float(line.rpartition(" ")[2])
        for line in text.splitlines()
        if not line.startswith("#")
    }


def test_the_console_tells_what_it_knows() -> None:
    told = values()

    assert told['relay_deliveries{state="sent",window="24h"}'] == 8
    assert told['relay_deliveries{state="dead",window="24h"}'] == 2
    assert told['relay_delivery_retries{window="24h"}'] == 3
    refreshed = told['relay_token_refreshed_timestamp_seconds{identity="default"}']
    assert refreshed == BEFORE.timestamp()
    assert told['relay_token_expiry_timestamp_seconds{identity="default"}'] == refreshed + 90_000
    assert told['relay_delivery_p95_seconds{window="24h"}'] == 0.5
    assert 'relay_delivery_p95_seconds{window="1h"}' not in told
    assert told["relay_queue_messages"] == 7
    assert told["relay_queue_oldest_age_seconds"] == 60
    assert (told["relay_poison_messages"], told["relay_dead_letters"]) == (1, 5)
    assert told['relay_site_silent{site="plant-2"}'] == 1
    assert told['relay_device_silent{device="ups",site="plant-2"}'] == 1
    assert told['relay_device_limit_hits{device="ups",site="plant-2"}'] == 2
    last_seen = "relay_device_last_seen_timestamp_seconds"
    assert told[f'{last_seen}{{device="ups",site="plant-2"}}'] == BEFORE.timestamp()
    assert f'{last_seen}{{device="erp",site="plant-2"}}' not in told
    expiry = "relay_expiry_timestamp_seconds"
    days = [
        (told[f'{expiry}{{name="{name}",of="{of}",what="{what}"}}'] - NOW.timestamp()) / 86400
        for what, of, name in (
            ("tls-certificate", "site", "plant-2"),
            ("storage-secret", "site", "plant-2"),
            ("secret", "identity", "default"),
        )
    ]
    assert days == [3, 30, 9]


def _rows(heading: str) -> dict[str, str]:
    """Name and kind of what stands under a heading of the page."""
    text = PAGE.read_text("utf-8").partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return dict(re.findall(r"^\| `(relay_\w+)` \| (\w+) \|", text, re.MULTILINE))


@pytest.mark.parametrize(
    ("heading", "figures"), [("The edge", of_edge()), ("The console", of_console())]
)
def test_the_page_lists_every_figure(heading: str, figures: list[Metric]) -> None:
    kinds = {
        name.removesuffix("_bucket"): metric.type
        for metric in figures
        for name in names_of(metric)
        if not name.endswith(("_sum", "_count"))
    }

    assert _rows(heading) == kinds


def test_no_two_tell_the_same_name() -> None:
    names = [name for metric in (*of_edge(), *of_console()) for name in names_of(metric)]

    assert len(names) == len(set(names))


def test_labels_of_the_page_are_those_of_the_console() -> None:
    text = exposition(STANDING, NOW).decode()
    page = PAGE.read_text("utf-8")
    for metric in text_string_to_metric_families(text):
        labels = {label for sample in metric.samples for label in sample.labels}
        row = re.search(rf"^\| `{metric.name}` \| gauge \| ([^|]*)\|", page, re.MULTILINE)

        assert row is not None
        assert labels == set(re.findall(r"`([a-z]+)`", re.sub(r"\(.*?\)", "", row[1]))), metric.name


@needs("promtool", "Debian package prometheus")
@pytest.mark.parametrize("who", ["edge", "console"])
def test_promtool_finds_no_fault_with_the_names(who: str) -> None:
    text = exposition(STANDING, NOW) if who == "console" else generate_latest(Metrics().registry)
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=text, capture_output=True, check=False
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
