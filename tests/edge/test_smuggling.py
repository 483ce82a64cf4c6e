"""SMTP smuggling, in all forms that were published: one mail or a refusal, never two.

CVE-2023-51764, -51765, -51766, CVE-2024-27305. Judged by what lies in the spool.
"""

from pathlib import Path
from typing import Any

import pytest

from tests.edge.door import LEGACY, PRINTER, STRICT, Door, open_door, trusting_context
from tests.edge.talk import Talk, talk

ENDS = {
    "LF.LF": b"\n.\n",
    "CR.CR": b"\r.\r",
    "CR.LF": b"\r.\n",
    "LF.CR": b"\n.\r",
    "LF.CRLF": b"\n.\r\n",
    "CRLF.LF": b"\r\n.\n",
    "CR.CRLF": b"\r.\r\n",
    "CRLF.CR": b"\r\n.\r",
    "CRLF NUL.CRLF": b"\r\n\0.\r\n",
    "CRLF.NUL CRLF": b"\r\n.\0\r\n",
    "CRLF.space CRLF": b"\r\n. \r\n",
    "CRCRLF.CRCRLF": b"\r\r\n.\r\r\n",
    "CRLF..CRLF": b"\r\n..\r\n",
}
SECOND = b"MAIL FROM:<smuggled@b.org>\r\nRCPT TO:<v@d.org>\r\nDATA\r\nSubject: second\r\n\r\n"
PROFILES: dict[str, dict[str, Any]] = {
    "strict": STRICT | {"tls": "implicit", "auth": "optional"},
    "legacy": LEGACY,
}


@pytest.fixture(params=PROFILES)
def profile(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def _door(profile: str, directory: Path, **limits: int) -> Any:
    return open_door(directory, listeners=[PROFILES[profile]], devices=[PRINTER], limits=limits)


def _talk(door: Door, profile: str) -> Any:
    if profile == "strict":
        return talk(door, ssl=trusting_context(), server_hostname="localhost")
    return talk(door)


async def _judge(door: Door) -> None:
    tickets, contents = await door.tickets(), await door.contents()

    assert len(tickets) <= 1
    assert all(ticket.envelope.reverse_path == "a@b.org" for ticket in tickets)
    for content in contents:
        pairs = content.count(b"\r\n")

        assert (pairs, pairs) == (content.count(b"\r"), content.count(b"\n"))


async def _is_in_step(client: Talk) -> bool:
    """Whether the next answer is that to the next command: nothing else was obeyed."""
    return await client.say("VRFY x") == "252 2.0.0 Cannot verify, but will take mail for it"


@pytest.mark.parametrize("end", ENDS)
async def test_nothing_is_smuggled_in_data(end: str, profile: str, tmp_path: Path) -> None:
    async with _door(profile, tmp_path) as door, _talk(door, profile) as client:
        await client.mail(b"Subject: first\r\n\r\ntext" + ENDS[end] + SECOND + b"\r\n")

        assert await _is_in_step(client)

        await _judge(door)


@pytest.mark.parametrize("end", ENDS)
async def test_nothing_is_smuggled_as_the_very_first_octets(
    end: str, profile: str, tmp_path: Path
) -> None:
    async with _door(profile, tmp_path) as door, _talk(door, profile) as client:
        await client.mail(ENDS[end].removeprefix(b"\r\n") + SECOND + b"\r\n")

        assert await _is_in_step(client)

        await _judge(door)


@pytest.mark.parametrize("end", ENDS)
async def test_nothing_is_smuggled_in_the_header(end: str, profile: str, tmp_path: Path) -> None:
    async with _door(profile, tmp_path) as door, _talk(door, profile) as client:
        await client.mail(b"Subject: first" + ENDS[end] + SECOND + b"\r\n")

        assert await _is_in_step(client)

        await _judge(door)


@pytest.mark.parametrize("end", ENDS)
async def test_nothing_is_smuggled_in_a_chunk(end: str, profile: str, tmp_path: Path) -> None:
    content = b"Subject: first\r\n\r\ntext" + ENDS[end] + SECOND + b"\r\n.\r\nQUIT\r\n"
    async with _door(profile, tmp_path) as door, _talk(door, profile) as client:
        await client.begin_mail()
        client.send(f"BDAT {len(content)} LAST\r\n".encode() + content)
        await client.answer()

        assert await _is_in_step(client)

        await _judge(door)


@pytest.mark.parametrize("end", ENDS)
async def test_nothing_is_smuggled_behind_the_size_limit(
    end: str, profile: str, tmp_path: Path
) -> None:
    async with _door(profile, tmp_path, message_size=20) as door, _talk(door, profile) as client:
        answer = await client.mail(b"x" * 100 + b"\r\n" + ENDS[end] + SECOND + b"\r\n")

        assert answer.startswith("552 ")
        assert await _is_in_step(client)
        assert await door.entries() == []


async def test_plaintext_behind_starttls_is_forgotten(tmp_path: Path) -> None:
    listener = STRICT | {"auth": "optional"}
    async with (
        open_door(tmp_path, listeners=[listener], devices=[PRINTER]) as door,
        talk(door) as client,
    ):
        client.send(b"STARTTLS\r\nEHLO injected\r\nMAIL FROM:<injected@b.org>\r\n")

        assert (await client.answer()).startswith("220 ")

        await client.writer.start_tls(trusting_context(), server_hostname="localhost")

        assert await client.say("NOOP") == "250 2.0.0 Ok"
        assert await client.say("RCPT TO:<v@d.org>") == "503 5.5.1 Send MAIL first"
        assert await client.say("MAIL FROM:<a@b.org>") == "503 5.5.1 Send EHLO first"


async def test_plaintext_in_the_same_moment_as_the_handshake_is_forgotten(tmp_path: Path) -> None:
    # The injector's line may also arrive between 220 and the handshake: then there is no TLS.
    async with open_door(tmp_path, listeners=[STRICT]) as door, talk(door) as client:
        await client.say("STARTTLS")
        client.send(b"EHLO injected\r\nNOOP\r\n")
        rest = await client.reader.read()

    assert b"250" not in rest
