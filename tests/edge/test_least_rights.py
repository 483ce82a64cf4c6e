"""The edge's own identity: what it signs in with, and that it needs two rights and no more."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from local.graph_simulator.client import SimulatorClient
from tests.builders import MAIL
from tests.certificates import a_certificate
from tests.edge.program import Edge, config
from tests.fixtures.least_storage import SAS, LeastStorage, least_storage

TENANT = "72f988bf-86f1-41af-91ab-2d7cd011db47"
CLIENT = "11111111-2222-3333-4444-555555555555"
LARGE = MAIL + b"x" * 3_000_000 + b"\r\n"
MEDIUM = MAIL + b"y" * 100_000 + b"\r\n"


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[LeastStorage]:
    with least_storage(tmp_path) as storage:
        yield storage


@pytest.fixture
def trusted(storage: LeastStorage, graph: SimulatorClient, tmp_path: Path) -> dict[str, str]:
    """The environment of a machine that trusts both."""
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes(storage.ca_file.read_bytes() + Path(graph.ca_file).read_bytes())
    return {"SSL_CERT_FILE": str(bundle), "REQUESTS_CA_BUNDLE": str(bundle)}


def by_address(directory: Path, storage: LeastStorage) -> Path:
    file = config(directory, "x")
    account = f'account_url_queue = "{storage.address}"\naccount_url_blob = "{storage.address}"'
    file.write_text(file.read_text().replace('connection_string = "x"', account))
    return file


def by_sas(directory: Path, storage: LeastStorage) -> Path:
    return config(
        directory,
        f"QueueEndpoint={storage.address};BlobEndpoint={storage.address};"
        f"SharedAccessSignature={SAS}",
    )


def sent(edge: Edge, storage: LeastStorage) -> None:
    """Mails of every size, each handed over; the content of one is offered twice."""
    storage.faults = 1
    try:
        for mail in (MAIL, MEDIUM, LARGE):
            edge.send(mail)
        _until(lambda: len(storage.messages) == 3)
        _until(lambda: len(edge.events("queued")) == 3)
        assert edge.get("/ready")[0] == 200
    finally:
        edge.child.kill()

    assert storage.faults == 0
    assert storage.refused == []
    assert sorted(storage.blobs.values(), key=len) == [MEDIUM, LARGE]


def test_an_application_hands_mail_over_with_two_rights(
    tmp_path: Path, storage: LeastStorage, graph: SimulatorClient, trusted: dict[str, str]
) -> None:
    graph.know(TENANT, CLIENT, "edge secret")
    environment = trusted | {
        "AZURE_TENANT_ID": TENANT,
        "AZURE_CLIENT_ID": CLIENT,
        "AZURE_CLIENT_SECRET": "edge secret",
        "AZURE_AUTHORITY_HOST": graph.entra,
    }

    sent(Edge(by_address(tmp_path, storage), **environment), storage)

    assert storage.tokens


def test_a_managed_identity_hands_mail_over_with_two_rights(
    tmp_path: Path, storage: LeastStorage, graph: SimulatorClient, trusted: dict[str, str]
) -> None:
    environment = trusted | {
        "IDENTITY_ENDPOINT": graph.identity_endpoint,
        "IDENTITY_HEADER": graph.identity_header,
    }

    sent(Edge(by_address(tmp_path, storage), **environment), storage)

    assert graph.requests("/msi/token")


def test_a_workload_identity_hands_mail_over_with_two_rights(
    tmp_path: Path, storage: LeastStorage, graph: SimulatorClient, trusted: dict[str, str]
) -> None:
    token = tmp_path / "token"
    token.write_text("eyJh.eyJi.c2ln")
    graph.know(TENANT, CLIENT, trusted_tokens=["eyJh.eyJi.c2ln"])
    environment = trusted | {
        "AZURE_TENANT_ID": TENANT,
        "AZURE_CLIENT_ID": CLIENT,
        "AZURE_FEDERATED_TOKEN_FILE": str(token),
        "AZURE_AUTHORITY_HOST": graph.entra,
    }

    sent(Edge(by_address(tmp_path, storage), **environment), storage)


def test_a_certificate_hands_mail_over_with_two_rights(
    tmp_path: Path, storage: LeastStorage, graph: SimulatorClient, trusted: dict[str, str]
) -> None:
    certificate = a_certificate()
    (tmp_path / "edge.pem").write_text(certificate.pem)
    graph.know(TENANT, CLIENT, certificate=certificate.public_pem)
    environment = trusted | {
        "AZURE_TENANT_ID": TENANT,
        "AZURE_CLIENT_ID": CLIENT,
        "AZURE_CLIENT_CERTIFICATE_PATH": str(tmp_path / "edge.pem"),
        "AZURE_AUTHORITY_HOST": graph.entra,
    }

    sent(Edge(by_address(tmp_path, storage), **environment), storage)


def test_a_shared_access_signature_hands_mail_over_with_two_rights(
    tmp_path: Path, storage: LeastStorage, trusted: dict[str, str]
) -> None:
    sent(Edge(by_sas(tmp_path, storage), **trusted), storage)

    assert set() == storage.tokens


def test_a_refused_identity_is_told_in_one_line_and_the_mail_waits(
    tmp_path: Path, storage: LeastStorage, graph: SimulatorClient, trusted: dict[str, str]
) -> None:
    graph.know(TENANT, CLIENT, "edge secret")
    environment = trusted | {
        "AZURE_TENANT_ID": TENANT,
        "AZURE_CLIENT_ID": CLIENT,
        "AZURE_CLIENT_SECRET": "wr0ng secret",
        "AZURE_AUTHORITY_HOST": graph.entra,
    }
    edge = Edge(by_address(tmp_path, storage), **environment)
    try:
        edge.send(MAIL)
        edge.child.wait_for(lambda line: "uplink_down" in line, 30)
    finally:
        edge.child.kill()
    (down,) = edge.events("uplink_down")

    assert "no token: AADSTS7000215: Invalid client secret provided." == down["reason"]
    assert "wr0ng secret" not in "".join(edge.child.lines)


def test_the_stand_in_refuses_what_it_should(tmp_path: Path, storage: LeastStorage) -> None:
    token = {"Authorization": "Bearer a.b.c"}
    blob = f"{storage.address}/mail/2026/11/21/05/x.eml"
    calls: list[tuple[str, str, dict[str, str]]] = [
        ("GET", f"{storage.address}/outbound/messages", token),
        ("GET", f"{storage.address}/outbound?comp=metadata", token),
        ("PUT", f"{storage.address}/outbound", token),
        ("DELETE", f"{storage.address}/outbound/messages/1", token),
        ("PUT", f"{storage.address}/mail?restype=container", token),
        ("GET", blob, token),
        ("HEAD", blob, token),
        ("DELETE", blob, token),
        ("PUT", f"{blob}?comp=metadata", token),
        ("POST", f"{storage.address}/outbound/messages", {}),
    ]
    with requests.Session() as session:
        session.verify = str(storage.ca_file)

        session.trust_env = False

        def status(method: str, url: str, **options: Any) -> int:
            return session.request(method, url, timeout=10, **options).status_code

        refused = [status(method, url, headers=headers) for method, url, headers in calls]
        written = [status("PUT", blob, headers=token, data=b"x") for _ in range(2)]

    assert [403] * len(calls) == refused
    assert [201, 403] == written


def _until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.05)
