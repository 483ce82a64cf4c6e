"""The edge's way into the mail storage account: put content, put a ticket.

Asynchronous, and with the storage clients' own retries switched off: the forwarder decides when
to try again. Both calls may be repeated for the same mail: content that is there already is
success, and a second ticket of one id is recognised by the ledger.
"""

import re
from collections.abc import AsyncIterable
from contextlib import AsyncExitStack
from typing import Any, Self

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)
from azure.identity.aio import DefaultAzureCredential
from azure.storage.blob import ContentSettings
from azure.storage.blob.aio import BlobServiceClient
from azure.storage.queue.aio import QueueServiceClient

from handoff import names
from handoff.account import Account
from handoff.ticket import FOREVER

_OPTIONS: dict[str, Any] = {"retry_total": 0, "connection_timeout": 5, "read_timeout": 20}
# Content above this goes up in pieces, so that it is never whole in memory.
_IN_PIECES: dict[str, Any] = {"max_single_put_size": 1024 * 1024, "max_block_size": 1024 * 1024}
_ENTRA = re.compile(r"AADSTS\d+: [^\r\n]{1,200}")
_MIME = ContentSettings(content_type="message/rfc822")


class OutboxUnavailable(Exception):
    """The storage account did not take it: try again later. The text says why, in one line."""


class Outbox:
    """Container `mail` and queue `outbound` of one account."""

    def __init__(self, account: Account) -> None:
        self._open = AsyncExitStack()
        credential = None if account.connection_string else self._sign_in()
        if account.connection_string:
            queues = QueueServiceClient.from_connection_string(
                account.connection_string, **_OPTIONS
            )
            blobs = BlobServiceClient.from_connection_string(
                account.connection_string, **_OPTIONS, **_IN_PIECES
            )
        else:
            queues = QueueServiceClient(account.queue_url, credential, **_OPTIONS)
            blobs = BlobServiceClient(account.blob_url, credential, **_OPTIONS, **_IN_PIECES)
        for client in (queues, blobs):
            self._open.push_async_exit(client)
        self._queue = queues.get_queue_client(names.OUTBOUND_QUEUE)
        self._mail = blobs.get_container_client(names.MAIL_CONTAINER)

    def _sign_in(self) -> AsyncTokenCredential:
        credential = DefaultAzureCredential()
        self._open.push_async_exit(credential)
        return credential

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._open.aclose()

    async def put_content(
        self, blob_name: str, octets: bytes | AsyncIterable[bytes], size: int
    ) -> None:
        """Store a mail's octets. Raises OutboxUnavailable."""
        try:
            await self._mail.upload_blob(
                blob_name, octets, length=size, overwrite=False, content_settings=_MIME
            )
        except ResourceExistsError:
            return
        except ResourceNotFoundError as error:
            await self._create_missing()
            raise _unavailable(error) from error
        except (AzureError, OSError) as error:
            raise _unavailable(error) from error

    async def put_ticket(self, message: str, seconds: int = FOREVER) -> None:
        """Queue an encoded ticket, to stay until it is done; or another message, for `seconds`.

        Raises OutboxUnavailable.
        """
        try:
            await self._queue.send_message(message, time_to_live=seconds)
        except ResourceNotFoundError as error:
            await self._create_missing()
            raise _unavailable(error) from error
        except (AzureError, OSError) as error:
            raise _unavailable(error) from error

    async def _create_missing(self) -> None:
        # In Azure, Bicep creates both, and the edge's own role may not. With an account key it may.
        for create in (self._queue.create_queue, self._mail.create_container):
            try:
                await create()
            except (AzureError, OSError):
                continue


def _unavailable(error: Exception) -> OutboxUnavailable:
    if isinstance(error, ClientAuthenticationError) and error.status_code is None:
        # azure-identity tells in many lines what it has tried.
        found = _ENTRA.search(str(error))
        return OutboxUnavailable(f"no token: {found[0] if found else _first_line(error)}")
    if isinstance(error, HttpResponseError):
        code = getattr(error, "error_code", None) or error.reason or "error"
        return OutboxUnavailable(f"{error.status_code or 'no answer'} {code}")
    return OutboxUnavailable(f"{type(error).__name__}: {_first_line(error)}")


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), "")[:200]
