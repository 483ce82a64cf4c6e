"""Tries to sign in that come at once: no more of them than one after the other."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from edge.listener.quotas import FailedSignIns
from edge.policy import Address
from edge.settings import Limits


class Tries:
    """Those under way count as wrong until they have ended; who is too many waits for that."""

    def __init__(self) -> None:
        self.failed = FailedSignIns()
        self._under_way: Counter[Address | str] = Counter()
        self._ends: list[asyncio.Future[None]] = []

    @asynccontextmanager
    async def turn(self, address: Address, login: str, limits: Limits) -> AsyncIterator[bool]:
        """Whether one more may try, when that is clear; the try ends with the context."""
        while self.failed.may_try(address, login, limits, time.monotonic()):
            if self.failed.may_try(address, login, limits, time.monotonic(), self._under_way):
                break
            self._ends.append(asyncio.get_running_loop().create_future())
            await self._ends[-1]
        else:
            yield False
            return
        self._under_way.update((address, login))
        try:
            yield True
        finally:
            self._under_way.subtract((address, login))
            self._under_way = +self._under_way
            self._tell_of_an_end()

    def _tell_of_an_end(self) -> None:
        ends, self._ends = self._ends, []
        for end in ends:
            if not end.done():  # its session has ended meanwhile
                end.set_result(None)
