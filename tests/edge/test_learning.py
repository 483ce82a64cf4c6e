"""Learning: who is unknown is noted once, and nothing of theirs is relayed."""

import json
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from structlog.testing import capture_logs

from edge.strangers import FILE_NAME, Stranger, StrangerBook
from tests.edge.door import LEGACY, PRINTER, SCANNER, open_door
from tests.edge.talk import talk

NOW = datetime(2026, 11, 21, 5, 0, tzinfo=UTC)


def _door(directory: Path, network: str = "127.0.0.0/8", **changes: Any) -> Any:
    learning = {"networks": [network], "until": datetime.now(UTC) + timedelta(minutes=5)}
    return open_door(directory, listeners=[LEGACY], learning=learning, **changes)


def _noted(directory: Path) -> list[dict[str, Any]]:
    file = directory / "spool" / FILE_NAME
    return [json.loads(line) for line in file.read_text("ascii").splitlines()]


async def test_who_would_send_what_is_noted(tmp_path: Path) -> None:
    async with _door(tmp_path) as door:
        async with talk(door, hello="HELO MFP_2") as client:
            await client.say("MAIL FROM:<new@contoso.com> SIZE=10")
            for path in ("ann@example.org", "bob@EXAMPLE.org", "eve@fabrikam.com"):
                assert (await client.say(f"RCPT TO:<{path}>")).startswith("550 5.7.1 ")
            await client.say("RSET")
            (entry,) = _noted(tmp_path)

        assert await door.entries() == []

    assert datetime.fromisoformat(entry.pop("time")).tzinfo is not None
    assert entry == {
        "listener": "legacy",
        "address": "127.0.0.1",
        "hello": "MFP_2",
        "reverse_path": "new@contoso.com",
        "domains": ["example.org", "fabrikam.com"],
    }
    assert stat.S_IMODE((tmp_path / "spool" / FILE_NAME).stat().st_mode) == 0o600


async def test_a_client_that_leaves_after_the_first_no_is_noted(tmp_path: Path) -> None:
    async with _door(tmp_path) as door, talk(door) as client:
        await client.begin_mail()
        await client.say("QUIT")
        await client.is_over()

        assert [entry["domains"] for entry in _noted(tmp_path)] == [["d.org"]]


async def test_nothing_can_be_injected_into_the_file(tmp_path: Path) -> None:
    async with _door(tmp_path) as door, talk(door, hello=None) as client:
        await client.answer()
        client.send(b'HELO x"}\x0b\x1b[31m\xff' + b"y" * 1000 + b"\r\n")
        await client.answer()
        await client.begin_mail('"}\\n{"@b.org')
        await client.say("RSET")
        (entry,) = _noted(tmp_path)

    assert entry["hello"].startswith('x"}\x0b\x1b[31m\\udcff')
    assert len(entry["hello"]) < 300


async def test_only_from_its_networks_only_in_its_time(tmp_path: Path) -> None:
    async with _door(tmp_path, "10.0.0.0/8") as door, talk(door) as client:
        assert await client.say("MAIL FROM:<a@b.org>") == "550 5.7.1 Not allowed to relay"

    async with _door(tmp_path) as door, talk(door) as client:
        door.reception.now = lambda: datetime.now(UTC) + timedelta(minutes=6)

        assert await client.say("MAIL FROM:<a@b.org>") == "550 5.7.1 Not allowed to relay"

    assert not (tmp_path / "spool" / FILE_NAME).exists()


async def test_known_devices_send_as_ever(tmp_path: Path) -> None:
    async with _door(tmp_path, devices=[PRINTER, SCANNER]) as door, talk(door) as client:
        assert (await client.mail(b"Subject: x\r\n")).startswith("250 ")

    assert not (tmp_path / "spool" / FILE_NAME).exists()


def test_nothing_is_noted_twice_not_even_after_a_restart(tmp_path: Path) -> None:
    stranger = Stranger("lan", "10.0.0.1", "x", "a@b.org", {"d.org", "e.org"})
    for _ in range(2):
        book = StrangerBook(tmp_path)
        book.note(stranger, NOW)
        book.note(stranger, NOW + timedelta(minutes=1))
    with (tmp_path / FILE_NAME).open("a") as file:
        file.write("torn line\n[]\n")
    StrangerBook(tmp_path).note(Stranger("lan", "10.0.0.2", "x", "a@b.org"), NOW)
    lines = (tmp_path / FILE_NAME).read_text("ascii").splitlines()

    assert [json.loads(lines[place])["address"] for place in (0, 3)] == ["10.0.0.1", "10.0.0.2"]
    assert len(lines) == 4


def test_the_book_is_bounded(tmp_path: Path) -> None:
    book = StrangerBook(tmp_path)
    for number in range(1100):
        book.note(Stranger("lan", f"10.0.{number // 256}.{number % 256}", "x", "a@b.org"), NOW)

    assert len((tmp_path / FILE_NAME).read_text("ascii").splitlines()) == 1000


def test_a_place_that_takes_nothing_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).mkdir()
    with capture_logs() as events:
        StrangerBook(tmp_path).note(Stranger("lan", "10.0.0.1", "x", "a@b.org"), NOW)

    assert [event["event"] for event in events] == ["stranger_not_noted"]


def test_no_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).symlink_to(tmp_path / "elsewhere")
    StrangerBook(tmp_path).note(Stranger("lan", "10.0.0.1", "x", "a@b.org"), NOW)

    assert not (tmp_path / "elsewhere").exists()


def test_one_address_does_not_fill_the_book(tmp_path: Path) -> None:
    for _ in range(2):
        book = StrangerBook(tmp_path)
        for number in range(30):
            book.note(Stranger("lan", "10.0.0.1", f"x{number}", "a@b.org"), NOW)
    book.note(Stranger("lan", "10.0.0.2", "x", "a@b.org"), NOW)
    lines = (tmp_path / FILE_NAME).read_text("ascii").splitlines()

    assert ["10.0.0.1"] * 20 + ["10.0.0.2"] == [json.loads(line)["address"] for line in lines]
