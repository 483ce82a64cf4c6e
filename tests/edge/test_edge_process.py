"""The edge as a program: starts, refuses to start, is killed, drains."""

import json
import signal
import smtplib
import socket
import ssl
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from handoff.storage import Storage
from handoff.ticket import decode
from local.child import Child
from tests.builders import MAIL
from tests.edge.door import PASSWORD
from tests.edge.program import NOWHERE, Edge, config


@pytest.fixture
def running(tmp_path: Path, mail_account: str) -> Iterator[Edge]:
    edge = Edge(config(tmp_path, mail_account))
    yield edge
    edge.child.stop()


def outcome(file: Path, *arguments: str) -> tuple[int, list[str]]:
    child = Child([sys.executable, "-m", "edge", "--config", file, *arguments])
    code = child.wait(20)
    child.stop()
    return code, child.lines


def test_a_mail_goes_from_the_socket_to_the_queue(running: Edge, storage: Storage) -> None:
    mail_id = running.send()
    running.child.wait_for(lambda line: '"queued"' in line and mail_id in line, 10)
    (message,) = storage.outbound.receive_messages()
    ticket = decode(message.content)

    assert ticket.id == mail_id
    assert (ticket.site, ticket.device) == ("plant-2", "scanner")
    assert ticket.envelope.forward_paths == ("ann@contoso.com",)


def test_it_makes_its_own_certificate_and_signs_devices_in(running: Edge, tmp_path: Path) -> None:
    context = ssl.create_default_context(cafile=str(tmp_path / "tls" / "certificate.pem"))
    with smtplib.SMTP("localhost", running.ports["submission"], timeout=10) as client:
        client.starttls(context=context)
        client.login("scanner", PASSWORD)

        assert client.noop()[0] == 250
    assert (tmp_path / "tls" / "key.pem").stat().st_mode & 0o777 == 0o600


def test_what_got_a_250_survives_a_kill(tmp_path: Path, storage: Storage) -> None:
    # The storage account is out of reach, so that the mails are on the disk alone.
    edge = Edge(config(tmp_path, NOWHERE))
    sent = {edge.send() for _ in range(20)}
    edge.child.kill()
    account = storage._account.connection_string
    edge = Edge(config(tmp_path, str(account)))
    for mail_id in sent:
        edge.child.wait_for(lambda line: '"queued"' in line and mail_id in line, 15)  # noqa: B023
    edge.child.stop()
    found = {
        decode(message.content).id for message in storage.outbound.receive_messages(max_messages=32)
    }

    assert found == sent


def test_an_uplink_outage_is_degraded_not_unready(tmp_path: Path) -> None:
    edge = Edge(config(tmp_path, NOWHERE))
    edge.send()
    edge.child.wait_for(lambda line: "uplink_down" in line, 15)
    code, body = edge.get("/ready")
    metrics = edge.get("/metrics")[1]
    health = edge.get("/health")
    edge.child.stop()

    assert (code, json.loads(body)["status"]) == (200, "degraded")
    assert "relay_uplink_up 0.0" in metrics
    assert "relay_spool_mails 1.0" in metrics
    assert health[0] == 200


def test_a_term_signal_drains_and_exits_zero(running: Edge, storage: Storage) -> None:
    idle = socket.create_connection(("127.0.0.1", running.ports["lan"]))
    busy = socket.create_connection(("127.0.0.1", running.ports["lan"]))
    busy_file, idle_file = busy.makefile("rb"), idle.makefile("rb")
    busy.sendall(b"HELO x\r\nMAIL FROM:<a@b.org>\r\nRCPT TO:<c@d.org>\r\nDATA\r\n")
    for _ in range(5):
        busy_file.readline()
    idle_file.readline()
    running.child.send(signal.SIGTERM)

    assert idle_file.readline().startswith(b"421 4.3.2")

    busy.sendall(MAIL + b".\r\n")

    assert busy_file.readline().startswith(b"250 2.0.0 Ok: queued as ")
    assert busy_file.readline().startswith(b"421 4.3.2")
    assert running.child.wait(10) == 0
    assert len(list(storage.outbound.receive_messages())) == 1

    for closing in (busy_file, idle_file, busy, idle):
        closing.close()


def test_a_hang_up_reads_the_devices_again(running: Edge, tmp_path: Path) -> None:
    file = tmp_path / "edge.toml"
    good = file.read_text()
    file.write_text(good.replace('networks = ["127.0.0.1"]', 'networks = ["10.0.0.1"]'))
    running.child.send(signal.SIGHUP)
    running.child.wait_for(lambda line: '"reloaded"' in line, 10)
    with smtplib.SMTP("127.0.0.1", running.ports["lan"], timeout=10) as client:
        client.ehlo()

        assert client.docmd("MAIL FROM:<a@b.org>")[0] == 550

    file.write_text(good + "nonsense")
    running.child.send(signal.SIGHUP)
    running.child.wait_for(lambda line: '"reload_refused"' in line, 10)

    assert running.get("/ready")[0] == 200


def test_a_hang_up_takes_another_certificate_and_drops_nobody(
    running: Edge, tmp_path: Path
) -> None:
    authority = trustme.CA()
    made = authority.issue_cert("localhost")
    made.private_key_pem.write_to_path(str(tmp_path / "other-key.pem"))
    made.cert_chain_pems[0].write_to_path(str(tmp_path / "other.pem"))
    context = ssl.create_default_context()
    authority.configure_trust(context)
    with smtplib.SMTP("localhost", running.ports["submission"], timeout=10) as before:
        before.starttls(context=ssl._create_unverified_context())
        file = tmp_path / "edge.toml"
        text = file.read_text().replace("/tls/certificate.pem", "/other.pem")
        file.write_text(text.replace("/tls/key.pem", "/other-key.pem"))
        running.child.send(signal.SIGHUP)
        running.child.wait_for(lambda line: '"reloaded"' in line, 10)
        with smtplib.SMTP("localhost", running.ports["submission"], timeout=10) as after:
            after.starttls(context=context)

            assert after.noop()[0] == 250
        assert before.noop()[0] == 250


def test_a_lost_certificate_of_its_own_is_made_again(running: Edge, tmp_path: Path) -> None:
    for name in ("certificate.pem", "key.pem"):
        (tmp_path / "tls" / name).unlink()
    running.child.send(signal.SIGHUP)
    running.child.wait_for(lambda line: '"reloaded"' in line, 10)
    context = ssl.create_default_context(cafile=str(tmp_path / "tls" / "certificate.pem"))
    with smtplib.SMTP("localhost", running.ports["submission"], timeout=10) as client:
        client.starttls(context=context)

        assert client.noop()[0] == 250


def test_a_wrong_password_is_logged_with_device_and_peer_alone(running: Edge) -> None:
    context = ssl._create_unverified_context()
    with smtplib.SMTP("127.0.0.1", running.ports["submission"], timeout=10) as client:
        client.starttls(context=context)
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.login("scanner", "not-the-password")
    running.child.wait_for(lambda line: '"sign_in_failed"' in line, 5)
    event = running.events("sign_in_failed")[0]

    assert (event["device"], event["peer"]) == ("scanner", "127.0.0.1")
    assert event["password_length"] == 16
    assert "not-the-password" not in "".join(running.child.lines)


def test_bad_settings_exit_with_4_and_name_every_fault(tmp_path: Path) -> None:
    file = config(tmp_path, NOWHERE, "[limit]", "x = 1", "[log]", 'level = "loud"')
    code, lines = outcome(file)

    assert code == 4
    assert len(lines) == 2
    assert f"{file}: limit: unknown key, did you mean limits?" in "\n".join(lines)


def test_check_says_whether_settings_hold(tmp_path: Path) -> None:
    assert outcome(config(tmp_path, NOWHERE), "--check") == (0, ["settings: ok"])
    assert outcome(tmp_path / "none.toml", "--check")[0] == 4


def test_a_missing_certificate_exits_with_4(tmp_path: Path) -> None:
    file = config(tmp_path, NOWHERE)
    file.write_text(file.read_text().replace("[tls]", '[tls]\nsource = "file"'))
    code, lines = outcome(file)

    assert code == 4
    assert "certificate.pem does not exist" in lines[0]


def test_an_unusable_key_exits_with_4(tmp_path: Path) -> None:
    file = config(tmp_path, NOWHERE)
    (tmp_path / "tls").mkdir()
    (tmp_path / "tls" / "certificate.pem").write_text("no certificate")
    (tmp_path / "tls" / "key.pem").write_text("no key")
    code, lines = outcome(file)

    assert code == 4
    assert len(lines) == 1
    assert "edge: tls.certificate: " in lines[0]


@pytest.mark.parametrize(
    ("addition", "fault"),
    [
        ('networks = ["10.0.8.0/42"]', "networks[0]"),
        ('networks = ["10.0.8.1/24"]', "has host bits set"),
        ('network = "10.0.8.0/24"', "unknown key, did you mean networks?"),
        ("networks = []", "give it a password_hash, or networks"),
        ('name = "SCANNER"\nnetworks = ["10.0.8.0/24"]', "device name used twice: scanner"),
        (
            'networks = ["10.0.8.0/24"]\n[[listeners]]\nname = "x"\naddress = ":1"\n'
            'proxy_protocol = true\ntrusted_proxies = ["10.0.0.0/33"]',
            "trusted_proxies[0]",
        ),
    ],
)
def test_a_slip_in_an_allow_list_exits_with_4(addition: str, fault: str, tmp_path: Path) -> None:
    name = "" if addition.startswith("name") else 'name = "other"\n'
    device = f'[[devices]]\n{name}send_as = "other@contoso.com"\n{addition}'
    code, lines = outcome(config(tmp_path, NOWHERE, device))

    assert code == 4
    assert len(lines) == 1
    assert fault in lines[0]


def test_a_key_out_of_reach_exits_with_4(tmp_path: Path) -> None:
    file = config(tmp_path, NOWHERE)
    (tmp_path / "certificate.pem").write_text("x")
    text = file.read_text().replace("[tls]", '[tls]\nsource = "file"')
    text = text.replace(f"{tmp_path}/tls/certificate.pem", f"{tmp_path}/certificate.pem")
    file.write_text(text.replace(f"{tmp_path}/tls/key.pem", "/no/such/key.pem"))
    code, (line,) = outcome(file)

    assert code == 4
    assert "tls: /no/such/key.pem does not exist" in line


@pytest.mark.parametrize("arguments", [[], ["--check"]], ids=["start", "check"])
def test_a_connection_string_that_is_none_exits_with_4(
    arguments: list[str], tmp_path: Path
) -> None:
    code, lines = outcome(config(tmp_path, "hush"), *arguments)

    assert code == 4
    assert lines == [
        "edge: storage.connection_string: Connection string is either blank or malformed."
    ]


def test_a_taken_port_is_one_line_and_exit_1(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        file = config(tmp_path, NOWHERE)
        before, listeners, behind = file.read_text().partition("[[listeners]]")
        behind = behind.replace("127.0.0.1:0", f"127.0.0.1:{port}", 1)
        file.write_text(before + listeners + behind)
        code, lines = outcome(file)

    assert code == 1
    assert len(lines) == 1
    assert f"cannot listen on 127.0.0.1:{port}" in lines[0]


def test_a_second_edge_on_one_spool_is_refused(running: Edge, tmp_path: Path) -> None:
    code, lines = outcome(tmp_path / "edge.toml")

    assert code == 1
    assert "another process uses this spool" in lines[0]
