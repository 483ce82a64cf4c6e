"""By what right the relay sends: real MSAL against the simulated Entra and managed identity."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from function_app.means import Means
from function_app.providers.certificate import expiry_of
from function_app.providers.entra import tokens_of
from function_app.providers.token_faults import TokenUnavailable
from function_app.settings import Settings
from handoff.ledger import State
from handoff.refreshes import read_refreshes
from local.graph_simulator.client import SimulatorClient
from tests.certificates import Certificate, a_certificate
from tests.function_app.desk import APPLICATION, BY_SECRET, SECRET, TENANT, Desk, delivered

MeansOf = Callable[..., Means]
OTHER_TENANT = "99999999-0000-0000-0000-000000000000"
WHO = {"IDENTITY__DEFAULT__TENANT_ID": TENANT, "IDENTITY__DEFAULT__CLIENT_ID": APPLICATION}
BY_CERTIFICATE = WHO | {"IDENTITY__DEFAULT__CREDENTIAL": "certificate"}
BY_FEDERATION = WHO | {"IDENTITY__DEFAULT__CREDENTIAL": "federation"}


@pytest.fixture(scope="session")
def certificate() -> Certificate:
    return a_certificate()


def settings(graph: SimulatorClient, **changes: str) -> Settings:
    known = {"MailStorage": "unused", "GRAPH_ENDPOINT": graph.address}
    return Settings.from_env(known | {"ENTRA_AUTHORITY": graph.entra} | changes)


@pytest.mark.parametrize("form", ["pem", "one line", "pfx", "pfx with password", "file"])
def test_a_certificate_sends(
    desk: Desk,
    graph: SimulatorClient,
    means_of: MeansOf,
    certificate: Certificate,
    tmp_path: Path,
    form: str,
) -> None:
    file = tmp_path / "relay.p12"
    file.write_bytes(certificate.pfx())
    values = {
        "pem": certificate.pem,
        "one line": certificate.pem.replace("\n", "\\n"),
        "pfx": certificate.pfx_base64(),
        "pfx with password": certificate.pfx_base64("pa55"),
        "file": str(file),
    }
    password = {"IDENTITY__DEFAULT__CERTIFICATE_PASSWORD": "pa55"} if "password" in form else {}
    graph.know(TENANT, APPLICATION, certificate=certificate.public_pem)
    by = BY_CERTIFICATE | {"IDENTITY__DEFAULT__CERTIFICATE": values[form]} | password

    row = delivered(desk, means_of(ENTRA_AUTHORITY=graph.entra, **by))

    assert (State.SENT, "") == (row.state, row.reason)


def test_another_certificate_than_the_applications_defers_with_advice(
    desk: Desk, graph: SimulatorClient, means_of: MeansOf, certificate: Certificate
) -> None:
    graph.know(TENANT, APPLICATION, certificate=a_certificate().public_pem)
    by = BY_CERTIFICATE | {"IDENTITY__DEFAULT__CERTIFICATE": certificate.pem}

    row = delivered(desk, means_of(ENTRA_AUTHORITY=graph.entra, **by))

    assert (State.DEFERRED, "AADSTS700027") == (row.state, row.code)
    assert "Upload it to the app registration" in row.reason


@pytest.mark.parametrize(
    "value", ["/does/not/exist.p12", "bm8gcGZ4", "no base64!", "-----BEGIN nothing", "ä"]
)
def test_a_certificate_that_cannot_be_read_defers_and_is_not_quoted(
    desk: Desk, graph: SimulatorClient, means_of: MeansOf, value: str
) -> None:
    by = BY_CERTIFICATE | {"IDENTITY__DEFAULT__CERTIFICATE": value}

    row = delivered(desk, means_of(ENTRA_AUTHORITY=graph.entra, **by))

    assert (State.DEFERRED, "certificate-unusable") == (row.state, row.code)
    assert value not in row.reason


def test_a_certificate_with_a_wrong_password_is_no_certificate(certificate: Certificate) -> None:
    with pytest.raises(TokenUnavailable, match="check CERTIFICATE_PASSWORD"):
        expiry_of(certificate.pfx_base64("right"), "wrong")

    assert certificate.certificate.not_valid_after_utc == expiry_of(certificate.pem, "")


@pytest.mark.parametrize(
    ("cloud", "exchange"),
    [
        ("public", "api://AzureADTokenExchange"),
        ("usgov", "api://AzureADTokenExchangeUSGov"),
        ("china", "api://AzureADTokenExchangeChina"),
    ],
)
def test_a_managed_identity_stands_for_an_application(
    desk: Desk, graph: SimulatorClient, means_of: MeansOf, cloud: str, exchange: str
) -> None:
    graph.know(TENANT, APPLICATION, is_federated=True)
    means = means_of(ENTRA_AUTHORITY=graph.entra, RELAY_CLOUD=cloud, **BY_FEDERATION)

    row = delivered(desk, means)

    assert (State.SENT, "") == (row.state, row.reason)
    assert exchange == settings(graph, RELAY_CLOUD=cloud).exchange
    assert [200] == [call["status"] for call in graph.requests("/msi/token")]


def test_an_application_that_does_not_trust_the_identity_says_so(
    desk: Desk, graph: SimulatorClient, means_of: MeansOf
) -> None:
    row = delivered(desk, means_of(ENTRA_AUTHORITY=graph.entra, **BY_FEDERATION))

    assert (State.DEFERRED, "AADSTS70021") == (row.state, row.code)
    assert "federated credential" in row.reason


def test_a_token_in_a_file_is_read_at_each_request(
    graph: SimulatorClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", graph.ca_file)
    file = tmp_path / "token"
    graph.know(TENANT, APPLICATION, trusted_tokens=["eyJh.eyJi.first"])
    found = settings(graph, AZURE_FEDERATED_TOKEN_FILE=str(file), **BY_FEDERATION)
    tokens = tokens_of(found.identities["default"], found)
    with pytest.raises(TokenUnavailable) as caught:
        tokens.current()

    assert "credential-unreadable" == caught.value.code

    file.write_text("eyJh.eyJi.first\n")
    first = tokens.current()
    graph.know(TENANT, APPLICATION, trusted_tokens=["eyJh.eyJi.second"])
    file.write_text("eyJh.eyJi.second\n")
    second = tokens.renewed(first, None)

    assert first != second


def test_a_new_secret_is_picked_up_without_a_restart(
    graph: SimulatorClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", graph.ca_file)
    file = tmp_path / "secret"
    file.write_text("old\n")
    graph.know(TENANT, APPLICATION, SECRET)
    by_file = WHO | {
        "IDENTITY__DEFAULT__CREDENTIAL": "client_secret",
        "IDENTITY__DEFAULT__CLIENT_SECRET_FILE": str(file),
    }
    found = settings(graph, **by_file)
    tokens = tokens_of(found.identities["default"], found)
    with pytest.raises(TokenUnavailable) as caught:
        tokens.current()
    file.write_text(f"{SECRET}\n")

    assert "AADSTS7000215" == caught.value.code
    assert tokens.current()


def test_identities_of_several_tenants_send_side_by_side(
    desk: Desk, graph: SimulatorClient, means_of: MeansOf
) -> None:
    graph.know(OTHER_TENANT, "another", "another secret")
    other = {
        "IDENTITY__OTHER__CREDENTIAL": "client_secret",
        "IDENTITY__OTHER__TENANT_ID": OTHER_TENANT,
        "IDENTITY__OTHER__CLIENT_ID": "another",
        "IDENTITY__OTHER__CLIENT_SECRET": "another secret",
    }
    means = means_of(ENTRA_AUTHORITY=graph.entra, **BY_SECRET, **other)
    for identity in ("default", "Other"):
        delivered(desk, means, desk.a_ticket(identity=identity))

    assert [APPLICATION, "another"] == [mail.app for mail in graph.mails()]


def test_a_token_is_refreshed_early_and_kept_while_entra_has_a_fault(
    graph: SimulatorClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", graph.ca_file)
    graph.know(TENANT, APPLICATION, SECRET)
    graph.rule(refresh_seconds=1)
    found = settings(graph, **BY_SECRET)
    tokens = tokens_of(found.identities["default"], found)
    first = tokens.current()
    graph.fail({"route": "token", "status": 503, "times": 1})
    _until(lambda: [503] == [call["status"] for call in _token_calls(graph)][1:2], tokens.current)
    kept = tokens.current()
    _until(lambda: tokens.current() != first, lambda: None)

    assert kept == first


def test_when_a_token_was_given_is_noted_and_by_no_mail_that_had_one(
    desk: Desk, graph: SimulatorClient, means_of: MeansOf
) -> None:
    graph.know(TENANT, APPLICATION, SECRET)
    means = means_of(ENTRA_AUTHORITY=graph.entra, **BY_SECRET)
    before = datetime.now(UTC)
    delivered(desk, means)
    first = read_refreshes(desk.storage.status)["default"]
    delivered(desk, means)

    assert {"default": first} == read_refreshes(desk.storage.status)
    assert before <= first.at <= datetime.now(UTC)
    assert timedelta(minutes=50) < first.ends_at - first.at <= timedelta(days=1)


@pytest.fixture
def proxy() -> Iterator[list[str]]:
    """Where HTTPS_PROXY may point: tunnels, and tells whereto; its own address first."""
    told: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        told.append(f"http://127.0.0.1:{server.getsockname()[1]}")
        thread = threading.Thread(target=_serve, args=(server, told), daemon=True)
        thread.start()
        yield told
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def test_entra_is_reached_through_a_proxy_with_a_ca_of_ones_own(
    graph: SimulatorClient, proxy: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_PROXY", "no_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", proxy[0])
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", graph.ca_file)
    graph.know(TENANT, APPLICATION, SECRET)
    found = settings(graph, **BY_SECRET)

    assert tokens_of(found.identities["default"], found).current()
    assert set(proxy[1:]) == {f"CONNECT {graph.entra.removeprefix('https://')}"}


def _serve(server: socket.socket, told: list[str]) -> None:
    while True:
        try:
            client, _ = server.accept()
        except OSError:
            return
        threading.Thread(target=_tunnel, args=(client, told), daemon=True).start()


def _tunnel(client: socket.socket, told: list[str]) -> None:
    with client:
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(4096)
        line = head.split(b"\r\n")[0].decode()
        told.append(line.rpartition(" ")[0])
        host, _, port = line.split()[1].rpartition(":")
        with socket.create_connection((host, int(port))) as target:
            client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            back = threading.Thread(target=_pour, args=(target, client), daemon=True)
            back.start()
            _pour(client, target)
            back.join(5)


def _pour(source: socket.socket, target: socket.socket) -> None:
    try:
        while octets := source.recv(65536):
            target.sendall(octets)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        return


def _token_calls(graph: SimulatorClient) -> list[Any]:
    return list(graph.requests("/oauth2/v2.0/token"))


def _until(is_so: Callable[[], bool], act: Callable[[], object]) -> None:
    deadline = time.monotonic() + 15
    while not is_so():
        assert time.monotonic() < deadline, "it did not come to pass"
        act()
        time.sleep(0.05)
