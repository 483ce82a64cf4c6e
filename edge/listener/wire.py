"""What a dialog needs of the connection that it is held on."""

import asyncio
from typing import Protocol

from edge.policy import Address
from edge.replies import Reply

CHUNK = 64 * 1024
"""How much is read at once."""


class ConnectionEnded(Exception):
    """The client is gone."""


class Wire(Protocol):
    """One connection of one client. `edge.listener.connection` is the real one."""

    @property
    def address(self) -> Address:
        """Where the client is, as far as a trusted proxy or the socket tells."""

    @property
    def is_encrypted(self) -> bool: ...

    @property
    def tls_version(self) -> str:
        """Such as TLSv1.3; "" in clear."""

    @property
    def ended(self) -> "asyncio.Future[None]":
        """Done when the connection is over."""

    def say(self, answer: Reply | bytes) -> None:
        """Write an answer."""

    def end_after_reply(self) -> None:
        """Close as soon as the reply to this command is written."""

    async def next_line(self) -> bytes | Reply:
        """The next line without its end; a Reply refuses one that is too long.

        Raises ConnectionEnded.
        """

    async def next_chunk(self, most: int = CHUNK) -> bytes:
        """The next octets: at least one, not more than `most`. Raises ConnectionEnded."""

    def put_back(self, octets: bytes) -> None:
        """Have `octets` read again, before all others."""

    async def start_tls(self) -> None:
        """Say 220 and do the handshake. What was sent in clear behind STARTTLS is forgotten."""

    def wind_up(self) -> None:
        """End as soon as no command and no transaction is under way."""

    def abort(self) -> None:
        """End now."""
