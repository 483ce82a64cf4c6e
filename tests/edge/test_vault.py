"""The certificate out of a Key Vault: the real client, over TLS, with a token of Entra."""

import os
import smtplib
import ssl
import stat
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from edge.settings import TlsSettings
from local.child import Child
from local.graph_simulator.client import SimulatorClient
from tests.certificates import a_certificate
from tests.edge.program import NOWHERE, Edge, config
from tests.fixtures.vault import Vault, a_vault
from tests.leaks import leaks

TENANT = "72f988bf-86f1-41af-91ab-2d7cd011db47"
CLIENT = "11111111-2222-3333-4444-555555555555"
SECRET = "edge-secret-canary"
NAME = "relay-tls"
PFX, PEM = "application/x-pkcs12", "application/x-pem-file"
Run = Callable[[str], Child]
PROGRAM = """
import asyncio, sys
from edge import vault
from edge.settings import TlsSettings

tls = TlsSettings.model_validate_json(sys.argv[2])
act = getattr(vault, sys.argv[1])
try:
    if act is vault.follow_vault:
        asyncio.run(act(lambda: tls, 0.05))
    print("said", asyncio.run(act(tls)), flush=True)
except vault.VaultUnavailable as fault:
    print("said", fault, flush=True)
"""
FIRST, SECOND = a_certificate(), a_certificate()


@pytest.fixture
def vault(tmp_path: Path, graph: SimulatorClient) -> Iterator[Vault]:
    graph.know(TENANT, CLIENT, SECRET)
    with a_vault(tmp_path, f"{graph.entra}/{TENANT}") as vault:
        vault.secrets[NAME] = FIRST.pfx_base64(), PFX
        yield vault


@pytest.fixture
def environment(vault: Vault, graph: SimulatorClient, tmp_path: Path) -> dict[str, str]:
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes(vault.ca_file.read_bytes() + Path(graph.ca_file).read_bytes())
    return {
        "AZURE_TENANT_ID": TENANT,
        "AZURE_CLIENT_ID": CLIENT,
        "AZURE_CLIENT_SECRET": SECRET,
        "AZURE_AUTHORITY_HOST": graph.entra,
        "SSL_CERT_FILE": str(bundle),
        "REQUESTS_CA_BUNDLE": str(bundle),
    }


@pytest.fixture
def tls(vault: Vault, tmp_path: Path) -> TlsSettings:
    return TlsSettings(
        source="keyvault",
        vault_url=vault.address,
        vault_certificate=NAME,
        certificate=tmp_path / "tls" / "certificate.pem",
        key=tmp_path / "tls" / "key.pem",
    )


@pytest.fixture
def run(tls: TlsSettings, environment: dict[str, str]) -> Iterator[Run]:
    """Do something of `edge.vault` in a process that trusts the vault from its start."""
    with ExitStack() as stack:

        def run(what: str) -> Child:
            command = [sys.executable, "-c", PROGRAM, what, tls.model_dump_json()]
            return stack.enter_context(Child(command, environment=os.environ | environment))

        yield run


def said(child: Child) -> str:
    return child.wait_for(lambda line: line.startswith("said "), 30).removeprefix("said ")


@pytest.mark.parametrize(("value", "kind"), [(FIRST.pfx_base64(), PFX), (FIRST.pem, PEM)])
def test_a_certificate_is_fetched_and_can_be_used(
    vault: Vault, tls: TlsSettings, run: Run, value: str, kind: str
) -> None:
    vault.secrets[NAME] = value, kind
    is_news = [said(run("fetch_certificate")) for _ in range(2)]
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(tls.certificate, tls.key)

    assert ["True", "False"] == is_news
    assert FIRST.public_pem == tls.certificate.read_text()
    assert stat.S_IMODE(tls.key.stat().st_mode) == 0o600
    assert 2 == len(list(tls.key.parent.iterdir()))


def test_a_renewed_certificate_is_followed(vault: Vault, tls: TlsSettings, run: Run) -> None:
    said(run("have_certificate"))
    run("follow_vault")
    vault.secrets[NAME] = SECOND.pfx_base64(), PFX
    deadline = time.monotonic() + 20
    while tls.certificate.read_text() != SECOND.public_pem:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_without_the_vault_the_certificate_of_before_serves(
    vault: Vault, tls: TlsSettings, run: Run
) -> None:
    said(run("have_certificate"))
    vault.fault = 403
    second = run("have_certificate")

    assert "None" == said(second)
    assert FIRST.public_pem == tls.certificate.read_text()
    assert f"tls: {vault.address}: 403 Fault" in "".join(second.lines)


@pytest.mark.parametrize(
    ("value", "kind"),
    [("no base64!", PFX), ("bm8gcGZ4", PFX), (FIRST.public_pem, PEM), ("ä", PEM)],
)
def test_what_is_no_certificate_is_not_written(
    vault: Vault, tls: TlsSettings, run: Run, value: str, kind: str
) -> None:
    vault.secrets[NAME] = value, kind

    assert "what the vault holds is no certificate" in said(run("have_certificate"))
    assert not tls.key.exists()


def test_a_name_that_the_vault_does_not_know_is_told(vault: Vault, run: Run) -> None:
    vault.secrets.clear()

    assert said(run("have_certificate")).endswith("404 SecretNotFound")


def test_the_edge_serves_what_the_vault_holds(
    vault: Vault, environment: dict[str, str], tmp_path: Path
) -> None:
    edge = Edge(_config(tmp_path, vault), **environment)
    try:
        found = _shown_by(edge)
    finally:
        edge.child.stop()

    assert found == ssl.PEM_cert_to_DER_cert(FIRST.public_pem)
    secrets = {"secret": SECRET, "key": FIRST.pem.splitlines()[3]}
    assert set() == leaks("\n".join(edge.child.lines).encode(), secrets)


def test_a_first_start_without_the_vault_fails(
    vault: Vault, environment: dict[str, str], tmp_path: Path
) -> None:
    vault.fault = 500
    command = [sys.executable, "-m", "edge", "--config", str(_config(tmp_path, vault))]
    with Child(command, environment=os.environ | environment) as child:
        code = child.wait(60)

    assert code == 1
    assert f"edge: tls: {vault.address}: 500 Fault" in child.lines


def _shown_by(edge: Edge) -> bytes | None:
    with smtplib.SMTP("127.0.0.1", edge.ports["submission"], timeout=20) as client:
        client.starttls(context=ssl._create_unverified_context())
        assert isinstance(client.sock, ssl.SSLSocket)
        return client.sock.getpeercert(binary_form=True)


def _config(tmp_path: Path, vault: Vault) -> Path:
    file = config(tmp_path, NOWHERE)
    text = file.read_text().replace(
        "[tls]",
        f'[tls]\nsource = "keyvault"\nvault_url = "{vault.address}"\nvault_certificate = "{NAME}"',
    )
    file.write_text(text)
    return file
