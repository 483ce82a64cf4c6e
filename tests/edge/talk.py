"""A client that says what it is told to, and not more."""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.edge.door import PASSWORD, Door

_PATIENCE = 10


class Talk:
    """One connection; every answer is waited for, but not for ever."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, octets: bytes) -> None:
        self.writer.write(octets)

    async def answer(self) -> str:
        """The last line of the next reply, "" when the server has closed."""
        while True:
            try:
                line = await asyncio.wait_for(self.reader.readline(), _PATIENCE)
            except ConnectionError:
                return ""
            if line[3:4] != b"-":
                return line.decode("ascii").removesuffix("\r\n")

    async def say(self, line: str) -> str:
        self.send(line.encode() + b"\r\n")
        return await self.answer()

    async def sign_in(self, password: str = PASSWORD, login: str = "scanner") -> str:
        secret = base64.b64encode(f"\0{login}\0{password}".encode()).decode("ascii")
        return await self.say(f"AUTH PLAIN {secret}")

    async def begin_mail(self, sender: str = "a@b.org") -> str:
        """MAIL and RCPT; the answer to RCPT."""
        await self.say(f"MAIL FROM:<{sender}>")
        return await self.say("RCPT TO:<c@d.org>")

    async def mail(self, content: bytes, sender: str = "a@b.org") -> str:
        """A whole mail; the answer to its end."""
        await self.begin_mail(sender)
        await self.say("DATA")
        self.send(content + b".\r\n")
        return await self.answer()

    async def is_over(self) -> bool:
        """Wait until the server closes; whether it does without another word."""
        try:
            return await asyncio.wait_for(self.reader.read(), _PATIENCE) == b""
        except ConnectionError:
            return True

    async def start_tls(self, context: ssl.SSLContext) -> None:
        await self.say("STARTTLS")
        await self.writer.start_tls(context, server_hostname="localhost")


@asynccontextmanager
async def talk(door: Door, hello: str | None = "EHLO x", **options: Any) -> AsyncIterator[Talk]:
    """Connect, and say hello. `options` are those of asyncio.open_connection."""
    reader, writer = await asyncio.open_connection(*door.place, **options)
    client = Talk(reader, writer)
    try:
        if hello is not None:
            await client.answer()
            await client.say(hello)
        yield client
    finally:
        writer.close()


async def until(is_so: Any) -> None:
    """Wait for a fact, but not for ever."""
    async with asyncio.timeout(_PATIENCE):
        while not is_so():  # noqa: ASYNC110  any fact, and few of them are events
            await asyncio.sleep(0.005)
