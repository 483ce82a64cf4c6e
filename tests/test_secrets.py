"""Marked secrets in every place that takes one, a whole run with failures, and then a search.

Both programs write everything that they have to say; the search covers what they wrote, what they
answer over HTTP, their command lines, the spool, the queues, the tables and the containers.
"""

import base64
import json
import os
import smtplib
import ssl
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.credentials import hash_password
from handoff.account import Account
from handoff.ledger import Ledger, State
from handoff.sealed import BadKey, OpeningKeys, new_key_pair
from handoff.storage import Storage
from local.azurite import Azurite
from local.child import Child
from local.graph_simulator.client import SimulatorClient
from tests.certificates import a_certificate
from tests.edge.program import Edge
from tests.leaks import leaks

ROOT = Path(__file__).parent.parent
TENANT = "72f988bf-86f1-41af-91ab-2d7cd011db47"
CLIENT = "11111111-2222-3333-4444-555555555555"
USERS = "33333333-2222-3333-4444-555555555555"
BROKEN = "44444444-2222-3333-4444-555555555555"
ANN = "ann@contoso.com"
FALLBACK = "fallback@contoso.com"
ACCOUNT_KEY = base64.b64encode(b"storage key canary, 32 octets ..").decode("ascii")
PRIVATE, PUBLIC = new_key_pair()
CERTIFICATE = a_certificate()
SECRETS = {
    "device password": "Canary-Device-K7mQ2xVt9RpH",
    "wrong device password": "Canary-Wrong-K7mQ2xVt9RpH",
    "application secret": "Canary-Application~Qr8.secret",
    "wrong application secret": "Canary-Wrong-Application~Qr8.x",
    "user password": "Canary-User C0rrect horse",
    "wrong user password": "Canary-Wrong-User C0rrect horse",
    "changed user password": "Canary-Changed C0rrect horse",
    "fallback password": "Canary-Fallback C0rrect horse",
    "users' application secret": "Canary-Users~Qr8.secret",
    "identity's secret": "Canary-Identity~Qr8.secret",
    "identity's wrong secret": "Canary-Wrong-Identity~Qr8.secret",
    "certificate password": "Canary-Pfx-pa55",
    "webhook token": "Canary-Webhook-t0ken",
    "webhook secret": "Canary-Webhook-s3cret",
    "account key": ACCOUNT_KEY,
    "sealing key": json.loads(PRIVATE)["d"],
    "certificate": CERTIFICATE.pem.splitlines()[3],
    "subject": "Canary-Payroll-Subject",
    "text": "Canary-Salary-of-Ann",
}
CONTENT = {"subject", "text"}


def test_the_search_finds_what_is_there() -> None:
    for name, secret in SECRETS.items():
        for octets in (secret.encode(), base64.b64encode(b"x" + secret.encode() + b"yz")):
            assert name in leaks(b"before " + octets + b" after", SECRETS)


@pytest.fixture
def azurite(tmp_path: Path) -> Iterator[Azurite]:
    with Azurite(tmp_path / "azurite", accounts={"canary": ACCOUNT_KEY}) as azurite:
        yield azurite


@pytest.fixture
def account(azurite: Azurite) -> str:
    return azurite.provision("canary")


@pytest.fixture
def edge(tmp_path: Path, account: str, graph: SimulatorClient, known: None) -> Iterator[Edge]:
    file = tmp_path / "edge.toml"
    file.write_text(_edge_toml(tmp_path, account, graph))
    edge = Edge(file, REQUESTS_CA_BUNDLE=graph.ca_file)
    yield edge
    edge.child.kill()


@pytest.fixture
def known(graph: SimulatorClient) -> None:
    graph.know(TENANT, CLIENT, SECRETS["application secret"])
    users = {ANN: SECRETS["user password"], FALLBACK: SECRETS["fallback password"]}
    graph.know(TENANT, USERS, SECRETS["users' application secret"], users=users)
    graph.know(TENANT, BROKEN, SECRETS["identity's secret"])


@pytest.fixture
def function_app(account: str, graph: SimulatorClient, known: None) -> Iterator[Child]:
    identities = {
        "DEFAULT__CREDENTIAL": "client_secret",
        "DEFAULT__CLIENT_ID": BROKEN,
        "DEFAULT__CLIENT_SECRET": SECRETS["identity's secret"],
        "WRONG__CREDENTIAL": "client_secret",
        "WRONG__CLIENT_ID": BROKEN,
        "WRONG__CLIENT_SECRET": SECRETS["identity's wrong secret"],
        "PFX__CREDENTIAL": "certificate",
        "PFX__CLIENT_ID": BROKEN,
        "PFX__CERTIFICATE": CERTIFICATE.pfx_base64("another"),
        "PFX__CERTIFICATE_PASSWORD": SECRETS["certificate password"],
        "PEM__CREDENTIAL": "certificate",
        "PEM__CLIENT_ID": BROKEN,
        "PEM__CERTIFICATE": CERTIFICATE.pem,
    }
    tenants = {f"{name.partition('__')[0]}__TENANT_ID": TENANT for name in identities}
    settings = {f"IDENTITY__{key}": value for key, value in (identities | tenants).items()} | {
        "MailStorage": account,
        "GRAPH_ENDPOINT": graph.address,
        "ENTRA_AUTHORITY": graph.entra,
        "REQUESTS_CA_BUNDLE": graph.ca_file,
        "RELAY_MAILBOX_RATE": "0",
        "RELAY_HOST_LEASE_SECONDS": "3",
        "RELAY_SEALING_KEY": PRIVATE,
        "RELAY_NOTIFY": "admin@contoso.com",
        "RELAY_NOTICE_FROM": "admin@contoso.com",
        "RELAY_NOTIFY_WEBHOOK": f"http://127.0.0.1:9/{SECRETS['webhook token']}",
        "RELAY_NOTIFY_WEBHOOK_SECRET": SECRETS["webhook secret"],
    }
    child = Child(
        [sys.executable, "-m", "local.functions_host"],
        environment=os.environ | settings,
        directory=ROOT,
    )
    child.wait_for(lambda line: line == "ready", 30)
    yield child
    child.kill()


def test_a_whole_run_with_failures_tells_no_secret(
    edge: Edge,
    function_app: Child,
    graph: SimulatorClient,
    azurite: Azurite,
    account: str,
    tmp_path: Path,
) -> None:
    with Storage(Account(connection_string=account)) as storage:
        _send_all(edge, graph, storage)
        commands = b"".join(_command_line(child) for child in (edge.child, function_app))
        over_http = "".join(edge.get(path)[1] for path in ("/health", "/ready", "/metrics"))
        found = {
            "tables": _tables(storage),
            "dead letters": _blobs(storage.dead_letters),
            "edge over http": over_http.encode(),
            "command lines": commands,
        }
    edge.child.stop()
    function_app.stop()
    azurite.stop()
    found["spool"] = _files(tmp_path / "spool")
    # Queues and all else, as it lies on the disk: nobody can peek at messages that are put off.
    found["storage account"] = _files(tmp_path / "azurite")
    found["edge"] = "\n".join(edge.child.lines).encode()
    found["function app"] = "\n".join(function_app.lines).encode()
    private = {name: secret for name, secret in SECRETS.items() if name not in CONTENT}

    assert {name: leaks(octets, private) for name, octets in found.items()} == {
        name: set() for name in found
    }
    for name in ("edge", "function app", "edge over http", "tables", "command lines"):
        assert leaks(found[name], SECRETS) == set()
    # The canaries sing: what is kept for an operator does hold the mail.
    assert leaks(found["dead letters"], SECRETS) == CONTENT
    assert b"unknown-identity" not in found["tables"]
    assert b"eyJhbGciOiJFQ0RILUVTK0EyNTZLVyIs" in found["storage account"]
    _has_seen_what_it_should(edge, function_app)


def _has_seen_what_it_should(edge: Edge, function_app: Child) -> None:
    codes = {event.get("code") for event in edge.events("sign_in_failed")}
    said = "\n".join(function_app.lines)

    assert {"AADSTS7000215", "AADSTS50126"} <= codes
    for code in ("AADSTS7000215", "AADSTS50126", "certificate-unusable", "AADSTS700027"):
        assert code in said
    assert '"event": "dead"' in said


def _send_all(edge: Edge, graph: SimulatorClient, storage: Storage) -> None:
    """Right and wrong sign-ins in every way, and mails that fail in several."""
    graph.rule(missing=["missing@contoso.com"])
    users = [("scanner", "device password"), (f"{TENANT}@{CLIENT}", "application secret")]
    users.append((ANN, "user password"))
    busy = {"status": 429, "headers": {"Retry-After": "1"}}
    graph.fail({"route": "sendMail", "times": 2} | busy)
    sent = [_send(edge, login, SECRETS[name]) for login, name in users]
    sent.append(_send(edge))
    for login, name in users:
        with pytest.raises(smtplib.SMTPAuthenticationError):
            _send(edge, login, SECRETS[f"wrong {name}"])
    dead = _send(edge, users[1][0], SECRETS["application secret"], "missing@contoso.com")
    refused = [_send(edge, name, SECRETS["device password"]) for name in ("wrong", "pfx", "pem")]
    _until(lambda: all(_state(storage, mail) is State.SENT for mail in sent))
    _until(lambda: _state(storage, dead) is State.DEAD)
    _until(lambda: all(_state(storage, mail) is State.DEFERRED for mail in refused))
    graph.know(TENANT, CLIENT, "changed")
    changed = {ANN: SECRETS["changed user password"]}
    graph.know(TENANT, USERS, SECRETS["users' application secret"], users=changed)
    graph.know(TENANT, BROKEN, "changed")
    graph.fail({"route": "sendMail", "status": 401, "times": 6})
    late = [_send(edge, login, SECRETS[name]) for login, name in users]
    late.append(_send(edge))
    _until(lambda: all(_state(storage, mail) is State.DEFERRED for mail in late))


def _send(edge: Edge, login: str = "", password: str = "", sender: str = ANN) -> str:
    with smtplib.SMTP("127.0.0.1", edge.ports["submission"], timeout=30) as client:
        client.starttls(context=ssl._create_unverified_context())
        client.ehlo()
        if login:
            client.user, client.password = login, password
            client.auth("PLAIN", client.auth_plain)
        client.mail(sender)
        client.rcpt("bob@contoso.com")
        content = f"Subject: {SECRETS['subject']}\r\n\r\n{SECRETS['text']}\r\n"
        code, text = client.data(content)

    assert code == 250
    return text.decode().rpartition(" ")[2]


def _state(storage: Storage, mail_id: str) -> State | None:
    row = Ledger(storage.deliveries).find(mail_id)
    return row.state if row else None


def _files(directory: Path) -> bytes:
    return b"".join(path.read_bytes() for path in directory.rglob("*") if path.is_file())


def _tables(storage: Storage) -> bytes:
    rows: list[Any] = [dict(row) for row in storage.deliveries.list_entities()]
    rows += [dict(row) for row in storage.status.list_entities()]
    assert rows
    return repr(rows).encode()


def _blobs(container: Any) -> bytes:
    names = list(container.list_blob_names())
    assert names
    return b"".join(container.download_blob(name).readall() for name in names)


def _command_line(child: Child) -> bytes:
    return Path(f"/proc/{child.pid}/cmdline").read_bytes()


def _until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.1)


def test_no_fault_of_a_setting_quotes_its_value() -> None:
    with pytest.raises(BadKey) as caught:
        OpeningKeys.read([SECRETS["sealing key"]])

    assert SECRETS["sealing key"] not in str(caught.value)


def _edge_toml(directory: Path, account: str, graph: SimulatorClient) -> str:
    hashed = hash_password(SECRETS["device password"])
    devices = "".join(
        f'[[devices]]\nname = "{name}"\npassword_hash = "{hashed}"\n'
        f'send_as = "scan@contoso.com"\nidentity = "{identity}"\n'
        for name, identity in (
            ("scanner", "default"),
            ("wrong", "wrong"),
            ("pfx", "pfx"),
            ("pem", "pem"),
        )
    )
    return f"""
        hostname = "localhost"
        [storage]
        connection_string = "{account}"
        [spool]
        directory = "{directory}/spool"
        [tls]
        certificate = "{directory}/tls/certificate.pem"
        key = "{directory}/tls/key.pem"
        [monitor]
        address = "127.0.0.1:0"
        [log]
        level = "debug"
        [entra]
        authority = "{graph.entra}"
        tenants = ["{TENANT}"]
        sealing_key = '{PUBLIC}'
        [entra.users]
        tenant = "{TENANT}"
        client_id = "{USERS}"
        client_secret = "{SECRETS["users' application secret"]}"
        [entra.fallback]
        address = "{FALLBACK}"
        password = "{SECRETS["fallback password"]}"
        networks = ["127.0.0.1"]
        [[listeners]]
        name = "submission"
        address = "127.0.0.1:0"
        auth = "optional"
        {devices}
        """
