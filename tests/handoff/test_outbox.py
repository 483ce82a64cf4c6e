"""The edge's way into the storage account, against the real clients."""

import socket
from collections.abc import AsyncIterator

import pytest

from handoff.account import Account
from handoff.outbox import Outbox, OutboxUnavailable
from handoff.storage import Storage
from tests.builders import MAIL

BLOB = "2026/11/21/05/01JD3V6Q8K5T0C9E8XW2M7B4FA.eml"


@pytest.fixture
async def outbox(mail_account: str) -> AsyncIterator[Outbox]:
    async with Outbox(Account(connection_string=mail_account)) as outbox:
        yield outbox


async def test_a_ticket_waits_in_the_queue_for_ever(outbox: Outbox, storage: Storage) -> None:
    await outbox.put_ticket('{"v":1}')
    (message,) = storage.outbound.receive_messages()

    assert message.content == '{"v":1}'
    assert message.expires_on is not None
    assert message.expires_on.year == 9999


async def test_content_is_stored_once(outbox: Outbox, storage: Storage) -> None:
    await outbox.put_content(BLOB, MAIL, len(MAIL))
    await outbox.put_content(BLOB, b"something else", 14)

    assert storage.mail.download_blob(BLOB).readall() == MAIL


async def test_large_content_is_streamed(outbox: Outbox, storage: Storage) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for number in range(9):
            yield bytes([number]) * 1_000_000

    await outbox.put_content(BLOB, pieces(), 9_000_000)
    stored = storage.mail.download_blob(BLOB).readall()

    assert len(stored) == 9_000_000
    assert {stored[number * 1_000_000] for number in range(9)} == set(range(9))


async def test_a_missing_queue_is_created_and_tried_again(outbox: Outbox, storage: Storage) -> None:
    storage.outbound.delete_queue()
    with pytest.raises(OutboxUnavailable, match="404 QueueNotFound"):
        await outbox.put_ticket("{}")
    await outbox.put_ticket("{}")

    assert len(list(storage.outbound.receive_messages())) == 1


async def test_a_storage_account_out_of_reach_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    account = Account(
        connection_string="DefaultEndpointsProtocol=http;AccountName=a;AccountKey=dGVzdA==;"
        f"QueueEndpoint=http://127.0.0.1:{port}/a;BlobEndpoint=http://127.0.0.1:{port}/a;"
    )
    async with Outbox(account) as outbox:
        with pytest.raises(OutboxUnavailable, match="Cannot connect"):
            await outbox.put_ticket("{}")
        with pytest.raises(OutboxUnavailable, match="Cannot connect"):
            await outbox.put_content(BLOB, MAIL, len(MAIL))
