"""Doctor on what is around the edge: the proxy on its way, the disk and the user it runs with."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from console.doctor.container import Mount, Place, check_place, look_around, mount_of
from console.doctor.network import check_network
from handoff.account import Account
from handoff.findings import Finding

MOUNTS = r"""
22 1 254:1 / / rw,relatime shared:1 - overlay overlay rw,lowerdir=/x
30 22 0:25 / /proc rw,nosuid - proc proc rw
31 22 254:2 / /var/spool/relay rw,relatime - ext4 /dev/vdb rw
32 22 254:3 / /var/spool/relay\040two ro,relatime - xfs /dev/vdc rw
33 22 0:40 / /run rw - tmpfs tmpfs rw
"""
SPOOL = Path("/var/spool/relay")
ACCOUNT = Account(
    connection_string="AccountName=abc;AccountKey=x;EndpointSuffix=storage.example.invalid"
)


@pytest.mark.parametrize(
    ("directory", "place", "kind", "is_read_only"),
    [
        ("/var/spool/relay/x", "/var/spool/relay", "ext4", False),
        ("/var/spool/relay two", "/var/spool/relay two", "xfs", True),
        ("/var/spool", "/", "overlay", False),
        ("/run/relay", "/run", "tmpfs", False),
    ],
)
def test_the_mount_of_a_directory_is_found(
    directory: str, place: str, kind: str, is_read_only: bool
) -> None:
    assert mount_of(Path(directory), MOUNTS) == Mount(place, kind, is_read_only)


@pytest.mark.parametrize(
    ("place", "verdicts"),
    [
        (Place(True, 10001, Mount("/var/spool/relay", "ext4", False)), ["ok", "ok"]),
        (Place(True, 0, Mount("/", "overlay", False)), ["fail", "warn"]),
        (Place(False, 0, Mount("/", "overlay", False)), ["ok"]),
        (Place(False, 0, Mount("/run", "tmpfs", False)), ["fail"]),
        (Place(True, 10001, Mount("/", "ext4", True)), ["fail", "ok"]),
        (Place(True, None, None), ["skip"]),
    ],
    ids=["a volume", "no volume, root", "no container", "in memory", "read-only", "unknown"],
)
def test_a_spool_belongs_on_a_disk_that_stays(place: Place, verdicts: list[str]) -> None:
    found = list(check_place(SPOOL, place))

    assert [one.verdict for one in found] == verdicts
    assert all(one.fix for one in found if one.verdict in ("fail", "warn"))


@pytest.mark.skipif(not Path("/proc/self/mountinfo").exists(), reason="no Linux")
def test_the_disk_here_is_told(tmp_path: Path) -> None:
    mount = look_around(tmp_path).mount

    assert mount is not None
    assert os.path.ismount(mount.place)


@contextmanager
def a_proxy(answer: bytes) -> Iterator[tuple[int, list[bytes]]]:
    """A proxy with one answer to everything, and what it was asked."""
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    client, _ = server.accept()
                except OSError:
                    return
                with client:
                    asked.append(client.recv(65536))
                    client.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1], asked
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def of_proxy() -> list[Finding]:
    return list(check_network(ACCOUNT, datetime.now(UTC)))


@pytest.mark.parametrize(
    ("answer", "fix"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "wants a sign-in"),
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", "allow CONNECT to abc.queue.storage.example.invalid"),
        (b"SSH-2.0-x\r\n", "Correct HTTPS_PROXY"),
    ],
    ids=["407", "403", "no proxy"],
)
def test_a_proxy_that_does_not_let_through_is_named_with_its_remedy(
    monkeypatch: pytest.MonkeyPatch, answer: bytes, fix: str
) -> None:
    with a_proxy(answer) as (port, asked):
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:hush@127.0.0.1:{port}")
        names, proxy, line, clock = of_proxy()

    assert (names.verdict, proxy.verdict) == ("ok", "fail")
    assert (line.verdict, clock.verdict) == ("skip", "skip")
    assert f"127.0.0.1:{port}" in proxy.text
    assert "hush" not in proxy.text + proxy.fix
    assert fix in proxy.fix
    assert b"CONNECT abc.queue.storage.example.invalid:443" in asked[0]
    assert b"Proxy-Authorization: Basic bWU6aHVzaA==" in asked[0]


@pytest.mark.parametrize("address", ["http://127.0.0.1:9", "http://", "127.0.0.1:9"])
def test_a_proxy_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("HTTPS_PROXY", address)
    found = of_proxy()[1]

    assert (found.id, found.verdict) == ("N04", "fail")
    assert "HTTPS_PROXY" in found.fix


def test_a_tunnel_is_used_for_the_line_too(monkeypatch: pytest.MonkeyPatch) -> None:
    with a_proxy(b"HTTP/1.1 200 OK\r\n\r\n") as (port, asked):
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        proxy, line = of_proxy()[1:3]

    assert (proxy.verdict, line.id, line.verdict) == ("ok", "N02", "fail")
    assert len(asked) == 4


def test_no_proxy_makes_the_line_direct(monkeypatch: pytest.MonkeyPatch, mail_account: str) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    found = check_network(Account(connection_string=mail_account), datetime.now(UTC))

    assert [(one.id, one.verdict) for one in found] == [
        ("N01", "ok"),
        ("N04", "ok"),
        ("N02", "ok"),
        ("N03", "ok"),
    ]
