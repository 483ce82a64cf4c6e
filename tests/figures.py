"""Every figure that edge and console tell, for tests that hold pages, rules and panels to them."""

from datetime import UTC, datetime

from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families

from console.metrics import Standing, exposition
from console.reading.figures import Picture
from edge.metrics import Metrics
from handoff.queues import Queues

NOTHING = Standing(Picture(datetime.now(UTC), [], [], Queues(0, 0, 0)), [], [], {}, {}, 0, 0)
_ENDINGS = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}


def of_edge() -> list[Metric]:
    return list(Metrics().registry.collect())


def of_console() -> list[Metric]:
    return list(text_string_to_metric_families(exposition(NOTHING, datetime.now(UTC)).decode()))


def names_of(metric: Metric) -> set[str]:
    """As Prometheus has them."""
    return {metric.name + ending for ending in _ENDINGS.get(metric.type, [""])}
