"""How much may be under way at once: all that is set, but after an outage one, then more and more.

A storage account that is just back, and everybody's uplink with it, is not helped by all that has
gathered meanwhile at once.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Ramp:
    """Room for `width` turns at once, `most` of them in the long run."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken = 0
        self._successes = 0
        self._changed = asyncio.Condition()
        self.width = most

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for room, and have it until the end of the context."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._taken < self.width)
            self._taken += 1
        try:
            yield
        finally:
            async with self._changed:
                self._taken -= 1
                self._changed.notify_all()

    def begin_anew(self) -> None:
        """After a fault: one at a time."""
        self.width = 1
        self._successes = 0

    def widen(self) -> None:
        """After a success: one more when as many have succeeded as go at once."""
        self._successes += 1
        if self._successes >= self.width < self._most:
            self.width += 1
            self._successes = 0
