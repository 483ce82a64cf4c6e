"""Whatever stands where the storage account should be: the mail waits, and all of it goes later."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme

from edge.forwarder import Forwarder
from edge.metrics import Metrics
from edge.settings import ForwarderSettings, SpoolSettings
from edge.spool import Spool
from handoff.account import Account
from handoff.outbox import Outbox
from handoff.storage import Storage
from tests.builders import MAIL
from tests.edge.test_forwarder import drain, until
from tests.edge.test_spool import LARGE, put

_XML = b"Content-Type: application/xml\r\nContent-Length: 8\r\n\r\n<notxml>"
_PORTAL = b"Content-Type: text/html\r\nContent-Length: 9\r\n\r\n<p>Log in"
ANSWERS = {
    "nothing": b"",
    "no HTTP": b"220 mail.example ESMTP\r\n",
    "a portal that wants a sign-in": b"HTTP/1.1 200 OK\r\n" + _PORTAL,
    "a success that is none": b"HTTP/1.1 201 Created\r\n" + _XML,
    "a redirection": b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n",
    "a refusal": b"HTTP/1.1 403 Forbidden\r\n" + _XML,
    "half an answer": b"HTTP/1.1 201 Cre",
}


def account_at(endpoint: str) -> str:
    return (
        "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=dGVzdA==;"
        f"QueueEndpoint={endpoint}/a;BlobEndpoint={endpoint}/a;"
    )


@asynccontextmanager
async def something_else(answer: bytes, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """Where it listens; it answers every request with `answer`."""

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65_536)
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(meet, "127.0.0.1", 0, ssl=tls) as server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def goes_later(directory: Path, endpoint: str, storage: Storage, account: str) -> str:
    """The fault that is told while `endpoint` is there; both mails go when it is right."""
    spool = Spool.open(SpoolSettings(directory=directory))
    await put(spool, MAIL)
    await put(spool, LARGE)
    async with Outbox(Account(connection_string=account_at(endpoint))) as outbox:
        forwarder = Forwarder(spool, outbox, ForwarderSettings(longest_pause=0.1), Metrics())
        running = asyncio.create_task(forwarder.run())
        await until(lambda: forwarder.uplink.fault is not None)
        fault = str(forwarder.uplink.fault)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    assert spool.messages == 2

    await drain(spool, account)
    await spool.close()

    assert len(list(storage.outbound.receive_messages())) == 2
    assert json.dumps(fault)
    return fault


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
async def test_what_is_no_storage_account_takes_no_mail(
    answer: bytes, tmp_path: Path, storage: Storage, mail_account: str
) -> None:
    async with something_else(answer) as place:
        await goes_later(tmp_path, f"http://{place}", storage, mail_account)


async def test_a_certificate_that_nobody_trusts_gets_no_mail(
    tmp_path: Path, storage: Storage, mail_account: str
) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    async with something_else(b"", context) as place:
        fault = await goes_later(tmp_path, f"https://{place}", storage, mail_account)

    assert "certificate" in fault


async def test_plain_text_where_tls_should_be_gets_no_mail(
    tmp_path: Path, storage: Storage, mail_account: str
) -> None:
    async with something_else(ANSWERS["no HTTP"]) as place:
        await goes_later(tmp_path, f"https://{place}", storage, mail_account)


@pytest.mark.parametrize("name", ["x" * 64 + ".example", ".".join(["x" * 60] * 5)])
async def test_a_name_that_does_not_resolve_is_an_outage(
    name: str, tmp_path: Path, storage: Storage, mail_account: str
) -> None:
    """Of the first the resolver says so with an exception that nobody thought of."""
    await goes_later(tmp_path, f"http://{name}", storage, mail_account)
