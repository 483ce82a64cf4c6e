"""Tell who waits for it that a mail has left for the queue."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class Departures:
    """The mails that somebody waits for, by their ids."""

    def __init__(self) -> None:
        self._awaited: dict[str, asyncio.Event] = {}

    @contextmanager
    def awaited(self, mail_id: str) -> Iterator[asyncio.Event]:
        """Set when the mail has left. Begin to wait before the mail is in the spool."""
        has_left = self._awaited[mail_id] = asyncio.Event()
        try:
            yield has_left
        finally:
            del self._awaited[mail_id]

    def tell(self, mail_id: str) -> None:
        has_left = self._awaited.get(mail_id)
        if has_left is not None:
            has_left.set()
