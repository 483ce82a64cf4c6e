"""The edge warns of what ends, once a stage."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from structlog.testing import capture_logs

from edge.expiry import ExpiryWatch
from edge.metrics import Metrics
from edge.settings import EdgeSettings
from tests.certificates import a_certificate
from tests.edge.door import edge_settings


def settings(directory: Path, days: float) -> EdgeSettings:
    found = edge_settings(
        directory,
        storage={
            "connection_string": "SharedAccessSignature=sv=1&se=2099-01-01T00:00:00Z&sig=c2VjcmV0"
        },
    )
    found.tls.certificate.write_text(a_certificate(days).public_pem)
    return found


def test_each_stage_is_told_once_until_the_certificate_is_renewed(tmp_path: Path) -> None:
    found, now = settings(tmp_path, 32), datetime.now(UTC)
    watch = ExpiryWatch(lambda: found, Metrics(), lambda: now)
    told = []
    for day in range(34):
        with capture_logs() as logs:
            watch.look()
            watch.look()
        told += [(day, line["event"], line["days_left"]) for line in logs]
        now += timedelta(days=1)
    renewed = settings(tmp_path, 60)
    with capture_logs() as logs:
        ExpiryWatch(lambda: renewed, Metrics(), lambda: datetime.now(UTC)).look()

    assert [day for day, *_ in told] == [2, 18, 25, 31]
    assert {"expires_soon"} == {event for _, event, _ in told}
    assert logs == []


def test_a_storage_signature_is_a_metric_and_a_warning(tmp_path: Path) -> None:
    found, metrics = settings(tmp_path, 400), Metrics()
    late = datetime(2098, 12, 30, tzinfo=UTC)
    with capture_logs() as logs:
        ExpiryWatch(lambda: found, metrics, lambda: late).look()

    name = "relay_storage_signature_expiry_timestamp_seconds"
    assert datetime(2099, 1, 1, tzinfo=UTC).timestamp() == metrics.registry.get_sample_value(name)
    assert "storage signature" in [line["what"] for line in logs]
    assert "c2VjcmV0" not in str(logs)
