"""A real listener over a real spool, in the test's own event loop."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import trustme

from edge.certificates import context_for
from edge.credentials import PasswordCheck, hash_password
from edge.entra.check import EntraCheck
from edge.listener import Doors, Reception
from edge.listener.quotas import Allowances, Crowd
from edge.listener.tries import Tries
from edge.metrics import Metrics
from edge.notation import Endpoint
from edge.settings import EdgeSettings
from edge.spool import Spool, SpoolEntry
from edge.strangers import StrangerBook
from handoff.ticket import Ticket, decode

PASSWORD = "K7mQ2xVt9RpH4wNe"
_PASSWORD_HASH = hash_password(PASSWORD)
_AUTHORITY = trustme.CA()
SCANNER = {
    "name": "scanner",
    "password_hash": _PASSWORD_HASH,
    "send_as": "scan@contoso.com",
}
PRINTER = {"name": "printer", "networks": ["127.0.0.0/8", "::1"], "send_as": "print@contoso.com"}
STRICT = {"name": "strict", "address": "127.0.0.1:0"}
LEGACY = {
    "name": "legacy",
    "address": "127.0.0.1:0",
    "tls": "none",
    "profile": "legacy",
    "auth": "optional",
}


@dataclass(frozen=True)
class Door:
    """One open listener and what is behind it."""

    place: Endpoint
    reception: Reception
    doors: Doors
    spool: Spool

    async def entries(self) -> list[SpoolEntry]:
        return await self.spool.next_entries(0, 1000)

    async def tickets(self) -> list[Ticket]:
        return [decode(entry.ticket) for entry in await self.entries()]

    async def contents(self) -> list[bytes]:
        return [
            entry.octets if entry.octets is not None else entry.file.read_bytes()
            for entry in await self.entries()
        ]


def trusting_context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    _AUTHORITY.configure_trust(context)
    return context


def edge_settings(directory: Path, **changes: Any) -> EdgeSettings:
    """Valid settings whose files lie in `directory`."""
    certificate = _AUTHORITY.issue_cert("localhost", "127.0.0.1")
    directory.mkdir(exist_ok=True)
    pem, key = directory / "certificate.pem", directory / "key.pem"
    certificate.private_key_pem.write_to_path(str(key))
    pem.write_bytes(b"".join(blob.bytes() for blob in certificate.cert_chain_pems))
    tree = {
        "site": "plant-2",
        "hostname": "relay.test",
        "storage": {"connection_string": "UseDevelopmentStorage=true"},
        "spool": {"directory": directory / "spool"},
        "tls": {"source": "file", "certificate": pem, "key": key},
        "monitor": {"address": "127.0.0.1:0"},
        "listeners": [STRICT],
        "devices": [SCANNER],
    }
    return EdgeSettings.model_validate(tree | changes)


@asynccontextmanager
async def open_door(directory: Path, **changes: Any) -> AsyncIterator[Door]:
    """Listen with the first listener of the settings; see `edge_settings`."""
    settings = edge_settings(directory, **changes)
    listener = settings.listeners[0]
    spool = Spool.open(settings.spool)
    passwords = PasswordCheck()
    entra = EntraCheck()
    reception = Reception(
        listener=listener,
        settings=settings,
        tls=context_for(listener, settings.tls) if listener.tls != "none" else None,
        spool=spool,
        passwords=passwords,
        entra=entra,
        metrics=Metrics(),
        crowd=Crowd(),
        allowances=Allowances(),
        tries=Tries(),
        strangers=StrangerBook(settings.spool.directory),
        now=lambda: datetime.now(UTC),
    )
    doors = Doors([reception])
    unhandled: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, fault: unhandled.append(fault))
    places = await doors.open()
    try:
        yield Door(places[listener.name], reception, doors, spool)
    finally:
        await doors.close(grace=5)
        await spool.close()
        passwords.close()
        entra.close()

    assert unhandled == []
