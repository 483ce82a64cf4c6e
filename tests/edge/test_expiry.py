"""The edge warns of what ends, once a stage."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError
from structlog.testing import capture_logs

from edge.endings import endings_of
from edge.expiry import ExpiryWatch
from edge.metrics import Metrics
from edge.settings import EdgeSettings
from edge.storage_settings import StorageSettings
from handoff.sealed import new_key_pair
from handoff.signals import TLS_CERTIFICATE
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


BY_ADDRESS = {
    "account_url_queue": "https://x.queue.core.windows.net",
    "account_url_blob": "https://x.blob.core.windows.net",
}
USERS = {"tenant": "contoso.com", "client_id": "11111111-2222-3333-4444-555555555555"}


def test_client_secrets_end_when_the_administrator_says(tmp_path: Path) -> None:
    found = edge_settings(
        tmp_path,
        storage=BY_ADDRESS | {"client_secret_expires": date(2027, 11, 21)},
        entra={
            "sealing_key": new_key_pair()[1],
            "users": USERS
            | {"client_secret": "x", "client_secret_expires": "2027-12-24T12:00:00+02:00"},
        },
    )
    metrics = Metrics()
    ExpiryWatch(lambda: found, metrics, lambda: datetime.now(UTC)).look()
    known = dict(endings_of(found, {}).known)
    name, what = "relay_credential_expiry_timestamp_seconds", {"what": "users-secret"}

    assert known.pop(TLS_CERTIFICATE) > datetime.now(UTC)
    assert {
        "storage-secret": datetime(2027, 11, 21, tzinfo=UTC),
        "users-secret": datetime(2027, 12, 24, 10, tzinfo=UTC),
    } == known
    assert metrics.registry.get_sample_value(name, what) == known["users-secret"].timestamp()


@pytest.mark.parametrize(("kind", "password"), [("pem", ""), ("pfx", ""), ("pfx", "open sesame")])
def test_the_certificate_that_the_edge_signs_in_with_ends(
    tmp_path: Path, kind: str, password: str
) -> None:
    certificate, path = a_certificate(90), tmp_path / "own"
    path.write_bytes(certificate.pem.encode() if kind == "pem" else certificate.pfx(password))
    environment = {
        "AZURE_CLIENT_CERTIFICATE_PATH": str(path),
        "AZURE_CLIENT_CERTIFICATE_PASSWORD": password,
    }
    found = endings_of(edge_settings(tmp_path, storage=BY_ADDRESS), environment)
    unused = endings_of(settings(tmp_path, 60), environment)

    assert found.known["storage-certificate"] == certificate.certificate.not_valid_after_utc
    assert "storage-certificate" not in unused.known


def test_a_certificate_that_cannot_be_read_hides_no_other(tmp_path: Path) -> None:
    environment = {"AZURE_CLIENT_CERTIFICATE_PATH": str(tmp_path / "missing")}
    found = endings_of(edge_settings(tmp_path, storage=BY_ADDRESS), environment)

    assert [TLS_CERTIFICATE] == list(found.known)
    assert [f"cannot read {tmp_path}/missing: FileNotFoundError"] == list(found.unreadable)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"client_secret_expires": "next year"}, "such as 2027-11-21"),
        ({"client_secret_expires": 2027}, "such as 2027-11-21"),
        (
            {"connection_string": "x", "account_url_queue": "", "account_url_blob": ""}
            | {"client_secret_expires": "2027-11-21"},
            "account_url_queue",
        ),
    ],
)
def test_an_end_that_makes_no_sense_is_a_fault(changes: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        StorageSettings.model_validate(BY_ADDRESS | changes)
