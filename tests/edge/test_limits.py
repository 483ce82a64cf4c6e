"""How much one client may take: octets, connections, commands, passwords, mails."""

import asyncio
import gc
import weakref
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from edge.spool.draft import IN_MEMORY_BYTES
from tests.edge.door import LEGACY, PRINTER, SCANNER, STRICT, open_door
from tests.edge.talk import Talk, talk, until

KNOWN = {"listeners": [LEGACY], "devices": [SCANNER, PRINTER]}
LIMIT = IN_MEMORY_BYTES * 2
MEBIBYTE = 1024 * 1024


@pytest.mark.parametrize("command", ["DATA", "BDAT"])
async def test_octets_above_the_limit_are_not_written(command: str, tmp_path: Path) -> None:
    async with (
        open_door(tmp_path, **KNOWN, limits={"message_size": LIMIT}) as door,
        talk(door) as client,
    ):
        await client.begin_mail()
        if command == "DATA":
            await client.say("DATA")
            client.send(b"x" * (IN_MEMORY_BYTES + 1))
        else:
            client.send(f"BDAT {IN_MEMORY_BYTES + 1}\r\n".encode() + b"x" * (IN_MEMORY_BYTES + 1))
        draft = await _second_name_of_the_draft(tmp_path)
        if command == "DATA":
            client.send(b"x" * LIMIT + b"\r\n.\r\n")
        else:
            await client.answer()
            client.send(f"BDAT {LIMIT} LAST\r\n".encode() + b"x" * LIMIT)

        assert (await client.answer()).startswith("552 5.3.4 ")
        assert await client.say("NOOP") == "250 2.0.0 Ok"
        assert IN_MEMORY_BYTES < draft.stat().st_size <= LIMIT
        assert await door.entries() == []
        assert list(tmp_path.glob("spool/*.eml")) == []


async def _second_name_of_the_draft(directory: Path) -> Path:
    """The draft's file goes with the refusal; under a second name it can still be looked at."""
    await until(lambda: list(directory.glob("spool/*.eml")))
    second = directory / "second"
    second.hardlink_to(next(directory.glob("spool/*.eml")))
    return second


async def test_who_sends_far_more_than_the_limit_hears_so_at_the_end(tmp_path: Path) -> None:
    async with (
        open_door(tmp_path, **KNOWN, limits={"message_size": 1000}) as door,
        talk(door) as client,
    ):
        assert (await client.mail(b"x" * (3 * MEBIBYTE) + b"\r\n")).startswith("552 5.3.4 ")
        assert (await client.mail(b"Subject: x\r\n")).startswith("250 ")


async def test_who_never_ends_is_cut_in_time(tmp_path: Path) -> None:
    limits = {"message_size": 1000, "transaction_timeout": 0.5}
    async with open_door(tmp_path, **KNOWN, limits=limits) as door, talk(door) as client:
        await client.begin_mail()
        await client.say("DATA")
        client.send(b"x" * (3 * MEBIBYTE))

        assert (await client.answer()).startswith("421 4.4.2 ")
        assert await client.is_over()


async def test_line_ends_made_whole_count_for_the_limit(tmp_path: Path) -> None:
    async with (
        open_door(tmp_path, **KNOWN, limits={"message_size": 100}) as door,
        talk(door) as client,
    ):
        assert (await client.mail(b"a\n" * 33 + b"\r\n")).startswith("552 ") is True
        assert (await client.mail(b"a\n" * 32 + b"\r\n")).startswith("250 ")
        assert [98] == [len(content) for content in await door.contents()]


async def test_a_line_of_two_megabytes_is_taken(tmp_path: Path) -> None:
    content = b"Subject: x\r\n\r\n" + b"x" * 2_000_000 + b"\r\n"
    async with open_door(tmp_path, **KNOWN) as door, talk(door) as client:
        assert (await client.mail(content)).startswith("250 ")
        assert [content] == await door.contents()


async def test_a_command_without_end_is_cut(tmp_path: Path) -> None:
    async with open_door(tmp_path, **KNOWN) as door, talk(door) as client:
        client.send(b"NOOP " + b"x" * 3000 + b"\r\n")

        assert await client.answer() == "500 5.5.2 Command line too long"

        client.send(b"x" * 20_000 + b"\r\n")

        assert await client.answer() == "500 5.5.2 Command line too long"

        client.send(b"x" * (2 * MEBIBYTE))

        assert await client.is_over()


async def test_connections_from_one_address_are_limited(tmp_path: Path) -> None:
    limits = {"connections_per_address": 2}
    async with open_door(tmp_path, **KNOWN, limits=limits) as door:
        async with talk(door), talk(door):
            async with talk(door, hello=None) as third:
                assert await third.answer() == "421 4.7.0 Too many connections, try again later"
                assert await third.is_over()

            async with talk(door, local_addr=("127.0.0.2", 0)) as elsewhere:
                assert await elsewhere.say("NOOP") == "250 2.0.0 Ok"

        await until(lambda: door.reception.crowd.total == 0)
        async with talk(door) as later:
            assert await later.say("NOOP") == "250 2.0.0 Ok"


async def test_connections_in_all_are_limited(tmp_path: Path) -> None:
    async with (
        open_door(tmp_path, **KNOWN, limits={"connections": 2}) as door,
        talk(door),
        talk(door),
        talk(door, None, local_addr=("127.0.0.2", 0)) as third,
    ):
        assert await third.answer() == "421 4.7.0 Too many connections, try again later"


async def test_a_session_without_any_mail_ends(tmp_path: Path) -> None:
    async with open_door(tmp_path, **KNOWN) as door, talk(door) as client:
        for _ in range(99):
            assert await client.say("NOOP") == "250 2.0.0 Ok"

        assert await client.say("RSET") == "421 4.7.0 Too many commands without a mail"
        assert await client.is_over()


async def test_a_session_with_mail_goes_on(tmp_path: Path) -> None:
    async with open_door(tmp_path, **KNOWN) as door, talk(door) as client:
        for _ in range(5):
            for _ in range(40):
                assert await client.say("RSET") == "250 2.0.0 Ok"

            assert (await client.mail(b"Subject: x\r\n")).startswith("250 ")


async def test_five_hundred_recipients_are_taken_and_no_more(tmp_path: Path) -> None:
    async with open_door(tmp_path, **KNOWN) as door, talk(door) as client:
        await client.say("MAIL FROM:<a@b.org>")
        answers = [await client.say(f"RCPT TO:<r{number}@d.org>") for number in range(501)]

        assert ["250 2.1.5 Ok"] * 500 == answers[:500]
        assert answers[500].startswith("452 4.5.3 ")
        assert (await client.say("DATA")).startswith("354 ")


async def test_that_no_more_recipients_go_in_is_logged_once_for_each_mail(tmp_path: Path) -> None:
    limits = {"recipients": 1}
    async with open_door(tmp_path, **KNOWN, limits=limits) as door, talk(door) as client:
        with capture_logs() as events:
            for _ in range(2):
                await client.say("MAIL FROM:<a@b.org>")
                answers = [await client.say("RCPT TO:<c@d.org>") for _ in range(10)]

    assert ["250"] + ["452"] * 9 == [answer[:3] for answer in answers]
    assert ["limits.recipients"] * 2 == [event["rule"] for event in events]


async def test_who_has_not_yet_begun_tls_is_counted(tmp_path: Path) -> None:
    listener = STRICT | {"tls": "implicit"}
    limits = {"connections_per_address": 2}
    async with (
        open_door(tmp_path, listeners=[listener], limits=limits) as door,
        talk(door, hello=None),
        talk(door, hello=None),
        talk(door, hello=None) as third,
    ):
        assert await third.is_over()
        assert door.reception.crowd.total == 2


async def test_a_handshake_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    listener = STRICT | {"tls": "implicit"}
    async with open_door(tmp_path, listeners=[listener]) as door:
        async with talk(door, hello=None) as client:
            await until(lambda: door.reception.connections)
            left = weakref.ref(next(iter(door.reception.connections)))
            client.send(b"EHLO x\r\n")
            await client.is_over()
        await until(lambda: (gc.collect(), left())[1] is None)


async def _guess(client: Talk, times: int, login: str = "scanner") -> None:
    for _ in range(times):
        assert (await client.sign_in("wrong", login)).startswith("535 ")


async def test_an_address_that_guesses_is_shut_out(tmp_path: Path) -> None:
    limits = {"failed_sign_ins": 9, "failed_sign_ins_per_address": 3}
    async with open_door(tmp_path, **KNOWN, limits=limits) as door:
        async with talk(door) as client:
            await _guess(client, 2, login="nobody")
        async with talk(door) as client:
            await _guess(client, 1)

            assert await client.sign_in() == ("421 4.7.0 Too many failed sign-ins, try again later")
            assert await client.is_over()

        async with talk(door, local_addr=("127.0.0.2", 0)) as elsewhere:
            assert (await elsewhere.sign_in()).startswith("235 ")


@pytest.mark.parametrize("login", ["scanner", "nobody"])
async def test_guesses_at_once_are_no_more_than_one_after_the_other(
    login: str, tmp_path: Path
) -> None:
    limits = {"failed_sign_ins": 9, "failed_sign_ins_per_address": 3}
    async with open_door(tmp_path, **KNOWN, limits=limits) as door, AsyncExitStack() as opened:
        clients = [await opened.enter_async_context(talk(door)) for _ in range(9)]
        answers = await asyncio.gather(
            *(client.sign_in(f"wrong {number}", login) for number, client in enumerate(clients))
        )

    assert sorted(answer[:3] for answer in answers) == ["421"] * 6 + ["535"] * 3


async def test_devices_that_come_at_once_are_all_let_in(tmp_path: Path) -> None:
    limits = {"failed_sign_ins_per_address": 2, "failed_sign_ins_per_login": 2}
    async with open_door(tmp_path, **KNOWN, limits=limits) as door, AsyncExitStack() as opened:
        clients = [await opened.enter_async_context(talk(door)) for _ in range(6)]
        answers = await asyncio.gather(*(client.sign_in() for client in clients))

    assert [answer[:3] for answer in answers] == ["235"] * 6


@pytest.mark.parametrize("login", ["scanner", "nobody"])
async def test_a_login_that_is_guessed_from_everywhere_is_shut(login: str, tmp_path: Path) -> None:
    limits = {"failed_sign_ins": 9, "failed_sign_ins_per_login": 3}
    async with open_door(tmp_path, **KNOWN, limits=limits) as door:
        async with talk(door, local_addr=("127.0.0.9", 0)) as home:
            assert (await home.sign_in()).startswith("235 ")
        for number, variant in enumerate((login, login.upper(), f"{login}@b.org"), 2):
            async with talk(door, local_addr=(f"127.0.0.{number}", 0)) as client:
                await _guess(client, 1, login=variant)
        async with talk(door, local_addr=("127.0.0.8", 0)) as client:
            assert (await client.sign_in(login=login)).startswith("421 4.7.0 ")
        async with talk(door, local_addr=("127.0.0.9", 0)) as home:
            assert (await home.sign_in()).startswith("235 ")


async def test_right_passwords_do_not_count(tmp_path: Path) -> None:
    limits = {"failed_sign_ins_per_address": 2, "failed_sign_ins_per_login": 2}
    async with open_door(tmp_path, **KNOWN, limits=limits) as door:
        for _ in range(15):
            async with talk(door) as client:
                assert (await client.sign_in()).startswith("235 ")


async def test_a_wrong_password_after_the_right_one_is_refused(tmp_path: Path) -> None:
    async with open_door(tmp_path, **KNOWN) as door:
        for password, code in (("wrong", "535"), (None, "235"), ("wrong", "535")):
            async with talk(door) as client:
                answer = await (client.sign_in(password) if password else client.sign_in())

                assert answer.startswith(code)


async def test_each_device_has_its_own_rate(tmp_path: Path) -> None:
    devices = [PRINTER | {"rate": "2/minute"}, SCANNER | {"rate": "2/minute"}]
    async with (
        open_door(tmp_path, listeners=[LEGACY], devices=devices) as door,
        talk(door) as client,
    ):
        answers = [await client.mail(b"Subject: x\r\n") for _ in range(2)]

        assert [answer[:3] for answer in answers] == ["250", "250"]

        refusal = await client.say("MAIL FROM:<a@b.org>")

        assert refusal.startswith("451 4.7.1 Too much mail, try again in ")
        assert 28 <= int(refusal.split()[-2]) <= 30
        assert door.reception.sightings.limit_hits("printer") == 1

        await client.sign_in()

        assert (await client.mail(b"Subject: x\r\n")).startswith("250 ")


async def test_hundreds_of_connections_at_once_harm_nobody(tmp_path: Path) -> None:
    async with open_door(tmp_path, **KNOWN, limits={"connections_per_address": 20}) as door:
        async with AsyncExitStack() as crowd:
            knocking = (crowd.enter_async_context(talk(door, hello=None)) for _ in range(300))
            clients = await asyncio.gather(*knocking)
            answers = Counter([(await client.answer())[:3] for client in clients])

        assert answers == {"220": 20, "421": 280}

        await until(lambda: door.reception.crowd.total == 0)
        async with talk(door) as client:
            assert (await client.mail(b"Subject: x\r\n")).startswith("250 ")
