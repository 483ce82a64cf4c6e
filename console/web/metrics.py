"""`/metrics` of the console: for who has signed in, and for a Prometheus that has the token."""

import asyncio
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime

from aiohttp import web

from console.metrics import Standing, exposition
from console.reading.album import Album
from console.reading.figures import Picture
from handoff.alarms import open_alarms
from handoff.dead_letters import DeadLetters
from handoff.endings import read_endings
from handoff.refreshes import read_refreshes
from handoff.sites import Sites
from handoff.storage import Storage

PATH = "/metrics"
_TEXT = "text/plain; version=0.0.4; charset=utf-8"
_PATIENCE_SECONDS, _FRESH_SECONDS = 2.0, 60.0
"""They are counted one by one: ten thousands of them take longer than a scrape may."""


def has_token(request: web.Request, token: str) -> bool:
    """Whether `request` carries the bearer token (RFC 6750 §2.1), where there is one."""
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    is_bearer = bool(token) and scheme.lower() == "bearer"
    return is_bearer and hmac.compare_digest(given.strip().encode(), token.encode())


@dataclass(frozen=True)
class MetricsPage:
    storage: Storage
    album: Album[Picture]
    dead_letters: Album[int]

    @classmethod
    def of(cls, storage: Storage, album: Album[Picture]) -> "MetricsPage":
        def count() -> int:
            return sum(1 for _ in DeadLetters(storage.dead_letters).labels())

        return cls(storage, album, Album(count, _PATIENCE_SECONDS, _FRESH_SECONDS))

    def routes(self) -> list[web.RouteDef]:
        return [web.get(PATH, self.show)]

    async def show(self, request: web.Request) -> web.Response:
        body = await asyncio.to_thread(lambda: exposition(self._standing(), datetime.now(UTC)))
        return web.Response(body=body, headers={"Content-Type": _TEXT})

    def _standing(self) -> Standing:
        sites, now = Sites(self.storage.status), datetime.now(UTC)
        return Standing(
            picture=self.album.newest(),
            sites=sites.all(),
            devices=sites.devices(now),
            endings=read_endings(self.storage.status),
            refreshes=read_refreshes(self.storage.status),
            alarms=len(open_alarms(self.storage.status)),
            dead_letters=self.dead_letters.newest(),
        )
