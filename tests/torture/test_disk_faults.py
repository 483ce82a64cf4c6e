"""The disk fails below a running edge: the client keeps its mail, and hears why not."""

import errno
import itertools
import json
import smtplib
from collections.abc import Iterator
from pathlib import Path

import pytest

from handoff.storage import Storage
from handoff.ticket import decode
from tests.edge.program import NOWHERE, config
from tests.function_app.faulty_storage import Fault, faulty_storage
from tests.torture.disks import LARGE, SMALL, Edge, a_disk, needs_compiler, whole_mails
from torture.disk import FaultyDisk, read_records
from torture.machine import wait_until

pytestmark = needs_compiler
POINTS = {
    "open:content": LARGE,
    "write:content": LARGE,
    "sync:content": LARGE,
    "sync:directory": LARGE,
    "unlink:content": LARGE,
    "write:log": SMALL,
    "sync:log": SMALL,
    "reply:client": SMALL,
}
"""Where a mail passes the disk on its way to a 250, and a mail that passes there."""
MEDIUM = b"Subject: medium\r\n\r\n" + b"0123456789\r\n" * 20_000
"""Goes to the database, as the largest do."""
NOT_NOW = "4.3.0 Cannot store mail now, try again later"


@pytest.fixture
def disk(tmp_path: Path) -> FaultyDisk:
    return a_disk(tmp_path)


@pytest.fixture
def edge(tmp_path: Path, disk: FaultyDisk) -> Iterator[Edge]:
    edge = Edge(config(tmp_path, NOWHERE), **disk.environment())
    yield edge
    edge.child.kill()


def answer(edge: Edge, mail: bytes) -> tuple[int, str]:
    """The reply to MAIL when that refuses, else to the last dot; 0 when the connection broke."""
    with smtplib.SMTP("127.0.0.1", edge.ports["lan"], timeout=30) as client:
        client.ehlo()
        code, text = client.mail("scan@contoso.com")
        if code != 250:
            return code, f"at MAIL: {text.decode()}"
        client.rcpt("ann@contoso.com")
        try:
            code, text = client.data(mail)
        except (smtplib.SMTPServerDisconnected, ConnectionError):
            client.close()
            return 0, ""
        return code, text.decode()


@pytest.mark.parametrize("point", ["sync:content", "sync:directory", "sync:log"])
async def test_after_a_failed_flush_the_spool_takes_nothing_more(
    point: str, edge: Edge, disk: FaultyDisk, tmp_path: Path
) -> None:
    kept = edge.send(LARGE)
    disk.fail(point, errno.EIO)

    assert answer(edge, LARGE) == (451, NOT_NOW)

    disk.heal()
    flushed = sum(one.kind in "SDE" for one in read_records(disk.record))

    assert answer(edge, SMALL) == (451, f"at MAIL: {NOT_NOW}")

    status, report = edge.get("/ready")
    edge.child.kill()
    assert (status, json.loads(report)["checks"]["spool"]) == (503, False)
    assert flushed == sum(one.kind in "SDE" for one in read_records(disk.record))
    assert len(edge.events("spool_fault")) == 1
    assert kept in await whole_mails(tmp_path / "spool")

    again = Edge(tmp_path / "edge.toml", **disk.environment())
    assert answer(again, SMALL)[0] == 250
    again.child.kill()


async def test_a_flush_that_fails_while_the_log_is_copied_is_noticed(
    edge: Edge, disk: FaultyDisk, tmp_path: Path
) -> None:
    """SQLite would keep it to itself."""
    disk.fail("sync:database", errno.EIO)
    kept: set[str] = set()
    code, text = answer(edge, MEDIUM)
    while code == 250 and len(kept) < 400:
        kept.add(text.split()[-1])
        code, text = answer(edge, MEDIUM)

    assert (code, edge.get("/ready")[0]) == (451, 503)

    edge.child.kill()

    assert kept <= await whole_mails(tmp_path / "spool")


def test_a_log_that_could_not_be_copied_for_want_of_room_is_copied_later(
    edge: Edge, disk: FaultyDisk, tmp_path: Path
) -> None:
    disk.fail("write:database", errno.ENOSPC)
    with smtplib.SMTP("127.0.0.1", edge.ports["lan"], timeout=30) as client:
        for number in range(450):
            if number == 150:
                disk.heal()
            client.sendmail("scan@contoso.com", ["ann@contoso.com"], MEDIUM)
    log = tmp_path / "spool" / "spool.sqlite3-wal"

    assert 36e6 < log.stat().st_size < 90e6


def test_what_is_in_a_spool_that_takes_nothing_more_is_still_forwarded(
    disk: FaultyDisk, tmp_path: Path, mail_account: str, storage: Storage
) -> None:
    away = Fault("refuse", "Queue", "POST", "/outbound/messages", times=3)
    with faulty_storage(mail_account, away) as way:
        edge = Edge(config(tmp_path, way), **disk.environment())
        kept = edge.send(SMALL)
        disk.fail("sync:content", errno.EIO)

        assert answer(edge, LARGE)[0] == 451

        edge.child.wait_for(lambda line: '"not_forgotten"' in line and kept in line, 20)
        edge.child.kill()
    tickets = [decode(message.content).id for message in storage.outbound.receive_messages()]

    assert tickets == [kept]


def test_what_a_full_disk_could_not_forget_is_forgotten_when_there_is_room(
    disk: FaultyDisk, tmp_path: Path, mail_account: str, storage: Storage
) -> None:
    away = Fault("refuse", "Blob", "PUT", "/mail/", times=3)
    with faulty_storage(mail_account, away) as way:
        edge = Edge(config(tmp_path, way), **disk.environment())
        edge.send(LARGE)
        disk.fail("write:log", errno.ENOSPC)
        edge.child.wait_for(lambda line: '"not_forgotten"' in line, 20)
        disk.heal()

        assert wait_until(lambda: '"mails": 0' in edge.get("/ready")[1], 10)
        edge.child.kill()

    assert list((tmp_path / "spool").glob("*.eml")) == []
    assert len(list(storage.outbound.receive_messages())) == 1


def test_a_file_that_cannot_be_removed_is_litter_and_no_mail(
    disk: FaultyDisk, tmp_path: Path, mail_account: str
) -> None:
    disk.fail("unlink:content", errno.EIO)
    edge = Edge(config(tmp_path, mail_account), **disk.environment())
    edge.send(LARGE)
    edge.child.wait_for(lambda line: '"queued"' in line, 20)
    left = list((tmp_path / "spool").glob("*.eml"))
    edge.child.stop()
    again = Edge(tmp_path / "edge.toml")
    again.child.kill()

    assert len(left) == 1
    assert edge.events("held") == []
    assert list((tmp_path / "spool").glob("*.eml")) == []


@pytest.mark.parametrize("mail", [SMALL, LARGE], ids=["small", "large"])
async def test_a_full_disk_defers_and_recovers_by_itself(
    mail: bytes, edge: Edge, disk: FaultyDisk, tmp_path: Path
) -> None:
    kept = {edge.send(mail)}
    disk.fail("write:any", errno.ENOSPC)

    assert [answer(edge, mail)[0] for _ in range(3)] == [452] * 3

    disk.heal()
    kept.add(edge.send(mail))
    edge.child.kill()

    assert await whole_mails(tmp_path / "spool") == kept
    assert len(list((tmp_path / "spool").glob("*.eml"))) == (2 if mail is LARGE else 0)


@pytest.mark.parametrize("mail", [SMALL, LARGE], ids=["small", "large"])
async def test_a_spool_that_cannot_be_written_defers(
    mail: bytes, edge: Edge, disk: FaultyDisk, tmp_path: Path
) -> None:
    kept = edge.send(mail)
    disk.fail("write:any", errno.EROFS)

    assert answer(edge, mail) == (451, NOT_NOW)

    edge.child.kill()
    disk.heal()
    assert await whole_mails(tmp_path / "spool") == {kept}


async def test_a_read_only_disk_is_told_at_mail_and_recovers_by_itself(
    edge: Edge, disk: FaultyDisk, tmp_path: Path
) -> None:
    kept = {edge.send(SMALL)}
    disk.fail("any:any", errno.EROFS)

    assert wait_until(lambda: edge.get("/ready")[0] == 503, 5)
    assert answer(edge, SMALL) == (451, f"at MAIL: {NOT_NOW}")

    disk.heal()
    assert wait_until(lambda: edge.get("/ready")[0] == 200, 5)
    kept.add(edge.send(LARGE))
    edge.child.kill()

    assert edge.events("spool_fault") == []
    assert await whole_mails(tmp_path / "spool") == kept


@pytest.mark.parametrize(
    ("point", "when"),
    [
        *itertools.product(POINTS, ("before", "after")),
        ("write:content", "within"),
        ("write:log", "within"),
    ],
)
async def test_an_edge_killed_there_keeps_what_it_promised_and_nothing_torn(
    point: str, when: str, edge: Edge, disk: FaultyDisk, tmp_path: Path
) -> None:
    kept = {edge.send(SMALL), edge.send(LARGE)}
    disk.kill_at(point, when)
    code, text = answer(edge, POINTS[point])
    if code == 250:  # nothing of that kind happens there
        kept.add(text.rpartition(" ")[2])
    edge.child.kill()
    disk.heal()
    found = await whole_mails(tmp_path / "spool")

    assert kept <= found
    assert len(found - kept) <= 1
    assert code == 250 or edge.child.exit_code == -9
    assert {file.stem for file in (tmp_path / "spool").glob("*.eml")} <= found


async def test_a_wrong_clock_loses_nothing(edge: Edge, disk: FaultyDisk, tmp_path: Path) -> None:
    kept = set()
    for seconds in (0, 86_400 * 30, -86_400 * 30, 3600, -3600):
        disk.step_clock(seconds)
        kept |= {edge.send(SMALL), edge.send(LARGE)}
    edge.child.kill()

    assert len(kept) == 10
    assert await whole_mails(tmp_path / "spool") == kept
