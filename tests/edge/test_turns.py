"""Whose turn it is: many commands at once, answers that nobody reads, settings that change."""

import asyncio
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
import structlog

from edge.listener.connection import Connection
from edge.listener.outgoing import Outgoing
from tests.edge.door import LEGACY, PRINTER, SCANNER, STRICT, open_door, trusting_context
from tests.edge.talk import talk, until


class Heard:
    """A transport of which somebody writes down the pieces that go through it."""

    def __init__(self, transport: asyncio.Transport | None, pieces: list[bytes]) -> None:
        self._transport = transport
        self._pieces = pieces

    def write(self, piece: bytes) -> None:
        self._pieces.append(piece)
        assert self._transport is not None
        self._transport.write(piece)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


KNOWN = {"listeners": [LEGACY], "devices": [SCANNER, PRINTER]}


async def test_commands_that_come_at_once_are_all_answered(tmp_path: Path) -> None:
    async with open_door(tmp_path, **KNOWN) as door, talk(door) as client:
        client.send(b"NOOP\r\n" * 90)
        answers = [await client.answer() for _ in range(90)]

        assert answers == ["250 2.0.0 Ok"] * 90
        assert await client.mail(b"Subject: x\r\n") != ""
        assert len(await door.entries()) == 1


async def test_what_is_asked_in_one_piece_is_answered_in_one(tmp_path: Path) -> None:
    async with open_door(tmp_path, **KNOWN) as door, talk(door) as client:
        (wire,) = door.reception.connections
        connection = cast("Connection", wire)
        pieces: list[bytes] = []
        connection.transport = cast("asyncio.Transport", Heard(connection.transport, pieces))
        client.send(b"NOOP\r\nRSET\r\n" * 3 + b"QUIT\r\n")
        answers = [await client.answer() for _ in range(7)]

        assert answers == ["250 2.0.0 Ok"] * 6 + ["221 2.0.0 Bye"]
        assert pieces == [b"250 2.0.0 Ok\r\n" * 6 + b"221 2.0.0 Bye\r\n"]


async def test_replies_leave_when_all_clients_were_heard() -> None:
    outgoing, said = Outgoing(), list[str]()
    for name in ("first", "second"):
        outgoing.add(partial(said.append, name))

    assert said == []

    await asyncio.sleep(0)

    assert said == ["first", "second"]


async def test_a_reply_that_cannot_leave_holds_up_no_other() -> None:
    outgoing, said = Outgoing(), list[str]()
    with structlog.testing.capture_logs() as logs:
        outgoing.add(partial(said.remove, "nothing"))
        outgoing.add(partial(said.append, "other"))
        await asyncio.sleep(0)

    assert said == ["other"]
    assert ["internal_fault"] == [log["event"] for log in logs]


async def test_mails_that_come_at_once_are_all_kept(tmp_path: Path) -> None:
    mail = b"MAIL FROM:<a@b.org>\r\nRCPT TO:<c@d.org>\r\nDATA\r\nSubject: x\r\n.\r\n"
    async with open_door(tmp_path, **KNOWN) as door, talk(door) as client:
        client.send(mail * 20 + b"QUIT\r\n")
        answers = [await client.answer() for _ in range(4 * 20 + 1)]

        assert [answer[:3] for answer in answers] == ["250", "250", "354", "250"] * 20 + ["221"]
        assert len(await door.entries()) == 20


async def test_who_reads_no_answers_is_not_obeyed(tmp_path: Path) -> None:
    async with open_door(tmp_path, **KNOWN) as door, talk(door) as client:
        (wire,) = door.reception.connections
        connection = cast("Connection", wire)
        connection.pause_writing()
        client.send(b"MAIL FROM:<a@b.org>\r\n")
        await until(lambda: connection._reader._buffer)

        assert not connection.dialog.in_transaction

        connection.resume_writing()

        assert await client.answer() == "250 2.1.0 Ok"


@pytest.mark.parametrize("is_kept", [False, True])
async def test_a_device_that_is_taken_out_or_changed_loses_its_open_session(
    is_kept: bool, tmp_path: Path
) -> None:
    async with (
        open_door(tmp_path, listeners=[STRICT], devices=[SCANNER]) as door,
        talk(door) as client,
    ):
        await client.start_tls(trusting_context())
        await client.say("EHLO x")
        await client.sign_in()

        assert (await client.say("MAIL FROM:<a@b.org>")).startswith("250 ")

        settings = door.reception.settings
        changed = [one.model_copy(update={"send_as": "b@c.org"}) for one in settings.devices]
        devices = tuple(changed if is_kept else ())
        door.reception.settings = settings.model_copy(update={"devices": devices})

        assert await client.say("MAIL FROM:<a@b.org>") == "530 5.7.0 Authentication required"


async def test_a_device_that_stays_keeps_its_open_session(tmp_path: Path) -> None:
    async with (
        open_door(tmp_path, listeners=[STRICT], devices=[SCANNER]) as door,
        talk(door) as client,
    ):
        await client.start_tls(trusting_context())
        await client.say("EHLO x")
        await client.sign_in()
        settings = door.reception.settings
        devices = tuple(device.model_copy() for device in settings.devices)
        door.reception.settings = settings.model_copy(update={"devices": devices})

        assert (await client.say("MAIL FROM:<a@b.org>")).startswith("250 ")


async def test_a_mail_is_of_the_site_that_the_settings_name_when_it_begins(tmp_path: Path) -> None:
    async with open_door(tmp_path, **KNOWN) as door, talk(door) as client:
        await client.mail(b"Subject: x\r\n")
        door.reception.settings = door.reception.settings.model_copy(update={"site": "plant-3"})
        await client.mail(b"Subject: y\r\n")

        assert [ticket.site for ticket in await door.tickets()] == ["plant-2", "plant-3"]
