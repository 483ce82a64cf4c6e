"""What the Graph simulator received: a mail program for a relay that runs on one machine."""

import asyncio
import json
from base64 import b64decode
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any
from urllib.request import urlopen

from aiohttp import web

from console.web.looks import Looks

_SECONDS = 5
_MOST = 200
_MOST_TEXT = 200_000


@dataclass(frozen=True)
class Received:
    """One mail, as those who got it see it."""

    number: int
    """In the order of arrival, from 0."""
    at: datetime
    mailbox: str
    recipients: tuple[str, ...]
    subject: str
    octets: bytes

    @property
    def source(self) -> str:
        return self.octets[:_MOST_TEXT].decode("utf-8", "replace")

    @property
    def text(self) -> str:
        """Its text, as a mail program would show it; "" when there is none."""
        try:
            mail = message_from_bytes(self.octets, _class=EmailMessage, policy=default)
            body = mail.get_body(("plain",))
            return str(body.get_content())[:_MOST_TEXT] if body is not None else ""
        except (LookupError, ValueError, AttributeError, TypeError):
            return ""  # the source shows what it is


@dataclass(frozen=True)
class Inbox:
    """The simulator at `address`."""

    address: str
    looks: Looks

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/inbox", self.all), web.get(r"/inbox/{number:\d{1,9}}", self.one)]

    async def all(self, request: web.Request) -> web.Response:
        mails = await self._read()
        newest = list(reversed(mails))[:_MOST]
        return self.looks.page(request, "inbox.html", mails=newest, number=len(mails))

    async def one(self, request: web.Request) -> web.Response:
        number = int(request.match_info["number"])
        mails = await self._read()
        if number >= len(mails):
            raise web.HTTPNotFound(
                text="The simulator has no such mail; it may have been restarted."
            )
        return self.looks.page(request, "inbox_mail.html", mail=mails[number])

    async def _read(self) -> list[Received]:
        try:
            told = await asyncio.to_thread(self._ask)
        except (OSError, ValueError) as fault:
            raise web.HTTPBadGateway(text="The simulator does not answer.") from fault
        return [_received(number, mail) for number, mail in enumerate(told)]

    def _ask(self) -> list[dict[str, Any]]:
        with urlopen(f"{self.address}/_control/mails", timeout=_SECONDS) as answer:
            told: list[dict[str, Any]] = json.load(answer)
            return told


def _received(number: int, mail: dict[str, Any]) -> Received:
    return Received(
        number=number,
        at=datetime.fromisoformat(mail["at"]),
        mailbox=mail["mailbox"],
        recipients=tuple(mail["recipients"]),
        subject=mail["subject"] or "(no subject)",
        octets=b64decode(mail["delivered"]) or b64decode(mail["mime"]),
    )
