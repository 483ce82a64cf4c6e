"""Entries that the queue has and the spool could not forget: tried again until the disk takes it.

A full disk refuses even to forget. The mails are safe, and would be forwarded a second time only by
the next start; but until then their octets keep the disk full.
"""

import asyncio
from dataclasses import replace

import structlog

from edge.spool import Spool, SpoolEntry, SpoolUnavailable

_PAUSE_SECONDS = 1.0
log = structlog.get_logger()


class Leftovers:
    """What is still to be forgotten."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._entries: list[SpoolEntry] = []
        self._news = asyncio.Event()

    def add(self, entry: SpoolEntry, reason: str) -> None:
        log.error("not_forgotten", id=entry.id, reason=reason)
        # Without its octets, which may be many.
        self._entries.append(replace(entry, octets=None if entry.octets is None else b""))
        self._news.set()

    async def run(self) -> None:
        """Forget until cancelled; a disk that is not trusted any more is not asked again."""
        while True:
            await self._news.wait()
            await asyncio.sleep(_PAUSE_SECONDS)
            if self._spool.fault is None:
                await self._forget()
            if not self._entries or self._spool.fault is not None:
                self._news.clear()

    async def _forget(self) -> None:
        while self._entries:
            try:
                await self._spool.remove(self._entries[-1])
            except SpoolUnavailable:
                return
            log.info("forgotten", id=self._entries.pop().id)
