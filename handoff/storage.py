"""Open the mail storage account: queues, containers, tables.

An account is named by a connection string, or by one address a service and a Microsoft Entra
credential. The clients share one HTTP session, and their own retries are short: a caller here
sits in front of a queue that retries with patience.
"""

from functools import cached_property
from typing import Any, Self

import requests
from azure.core.credentials import TokenCredential
from azure.core.exceptions import ResourceExistsError
from azure.core.pipeline.transport import RequestsTransport
from azure.data.tables import TableClient, TableServiceClient
from azure.identity import DefaultAzureCredential, ManagedIdentityCredential
from azure.storage.blob import BlobServiceClient, ContainerClient
from azure.storage.queue import QueueClient, QueueServiceClient
from requests.adapters import HTTPAdapter

from handoff import names
from handoff.account import Account

_CONNECTIONS = 64
_PIECE = 4 * 1024 * 1024
# The clients' own choice is to have 32 or 64 MiB in memory at once, and that several times over.
_IN_PIECES: dict[str, Any] = {
    "max_single_get_size": _PIECE,
    "max_chunk_get_size": _PIECE,
    "max_single_put_size": _PIECE,
    "max_block_size": _PIECE,
}


class Storage:
    """Clients for the fixed names of one account. Safe to share between threads."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._session = session = requests.Session()
        # Without one, requests puts credentials of a .netrc into Authorization, over the clients'.
        session.auth = _signed_already
        for scheme in ("https://", "http://"):
            session.mount(scheme, HTTPAdapter(pool_maxsize=_CONNECTIONS))
        self._options: dict[str, Any] = {
            "transport": RequestsTransport(session=session, session_owner=False),
            "retry_total": 2,
            "retry_backoff_factor": 0.5,
            "initial_backoff": 0.5,
            "connection_timeout": 5,
            "read_timeout": 30,
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    @cached_property
    def outbound(self) -> QueueClient:
        return self._queues.get_queue_client(names.OUTBOUND_QUEUE)

    @cached_property
    def poison(self) -> QueueClient:
        return self._queues.get_queue_client(names.POISON_QUEUE)

    @cached_property
    def mail(self) -> ContainerClient:
        return self._blobs.get_container_client(names.MAIL_CONTAINER)

    @cached_property
    def dead_letters(self) -> ContainerClient:
        return self._blobs.get_container_client(names.DEAD_LETTER_CONTAINER)

    @cached_property
    def captured(self) -> ContainerClient:
        return self._blobs.get_container_client(names.CAPTURED_CONTAINER)

    @cached_property
    def deliveries(self) -> TableClient:
        return self._tables.get_table_client(names.DELIVERIES_TABLE)

    @cached_property
    def status(self) -> TableClient:
        return self._tables.get_table_client(names.STATUS_TABLE)

    def provision(self) -> None:
        """Create what Bicep creates in Azure. For a local account; what exists stays as it is."""
        for create in (
            self.outbound.create_queue,
            self.poison.create_queue,
            self.mail.create_container,
            self.dead_letters.create_container,
            self.deliveries.create_table,
            self.status.create_table,
        ):
            try:
                create()
            except ResourceExistsError:
                continue

    @cached_property
    def _credential(self) -> TokenCredential:
        if self._account.client_id:
            return ManagedIdentityCredential(client_id=self._account.client_id)
        return DefaultAzureCredential()

    @cached_property
    def _queues(self) -> QueueServiceClient:
        if self._account.connection_string:
            return QueueServiceClient.from_connection_string(
                self._account.connection_string, **self._options
            )
        return QueueServiceClient(self._account.queue_url, self._credential, **self._options)

    @cached_property
    def _blobs(self) -> BlobServiceClient:
        options = self._options | _IN_PIECES
        if self._account.connection_string:
            return BlobServiceClient.from_connection_string(
                self._account.connection_string, **options
            )
        return BlobServiceClient(self._account.blob_url, self._credential, **options)

    @cached_property
    def _tables(self) -> TableServiceClient:
        if self._account.connection_string:
            return TableServiceClient.from_connection_string(
                self._account.connection_string, **self._options
            )
        return TableServiceClient(
            self._account.table_url, credential=self._credential, **self._options
        )


def _signed_already(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
