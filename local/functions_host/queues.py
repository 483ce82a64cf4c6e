"""The queues of a trigger: the one it reads, and its poison queue."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import requests
from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError
from azure.core.pipeline.transport import RequestsTransport
from azure.identity import DefaultAzureCredential, ManagedIdentityCredential
from azure.storage.queue import QueueClient, QueueMessage, QueueServiceClient, StorageErrorCode
from requests.adapters import HTTPAdapter

POISON_SUFFIX = "-poison"
_GONE = frozenset(
    {
        StorageErrorCode.POP_RECEIPT_MISMATCH,
        StorageErrorCode.MESSAGE_NOT_FOUND,
        StorageErrorCode.QUEUE_NOT_FOUND,
        StorageErrorCode.QUEUE_BEING_DELETED,
        StorageErrorCode.QUEUE_DISABLED,
    }
)
_CONNECTIONS = 64
# The clients' own retries pause for 15 seconds and more; the listener asks again before that.
_PATIENCE = {"retry_total": 1, "initial_backoff": 0.5, "connection_timeout": 5, "read_timeout": 30}


class NoConnection(Exception):
    """The app settings do not say which storage account a trigger reads."""


class Unreachable(Exception):
    """The storage account did not answer as it should; the text says how."""


class Leased:
    """A message in our hands, with the receipt that is valid now."""

    def __init__(self, message: QueueMessage) -> None:
        self.id = str(message.id)
        self.text = str(message.content)
        self.dequeue_count = int(message.dequeue_count or 1)
        self.receipt = str(message.pop_receipt)
        self.metadata = {
            "Id": self.id,
            "PopReceipt": self.receipt,
            "DequeueCount": str(self.dequeue_count),
            "InsertionTime": _iso(message.inserted_on),
            "ExpirationTime": _iso(message.expires_on),
            "NextVisibleTime": _iso(message.next_visible_on),
        }


class TriggerQueue:
    """One queue and its poison queue, as the trigger uses them."""

    def __init__(self, service: QueueServiceClient, name: str) -> None:
        self.name = name
        self._queue = service.get_queue_client(name)
        self._poison = service.get_queue_client(name + POISON_SUFFIX)

    def receive(self, most: int, lease_seconds: int) -> list[Leased]:
        """Raises Unreachable."""
        try:
            pages = self._queue.receive_messages(
                messages_per_page=most, visibility_timeout=lease_seconds
            ).by_page()
            # One page: a fault of a second request would leave the first to its lease.
            return [Leased(message) for message in next(pages, ())]
        except ResourceNotFoundError:
            return []
        except (AzureError, OSError) as error:
            raise _unreachable(error) from error

    def renew(self, message: Leased, seconds: int) -> bool:
        """Extend our hold; False when the message is no longer ours. Raises Unreachable."""

        def set_visibility() -> None:
            updated = self._queue.update_message(
                message.id, message.receipt, visibility_timeout=seconds
            )
            message.receipt = str(updated.pop_receipt)

        return _unless_gone(set_visibility)

    def delete(self, message: Leased) -> bool:
        """False when the function has put the message back, or its lease ran out."""
        return _unless_gone(lambda: self._queue.delete_message(message.id, message.receipt))

    def to_poison(self, message: Leased) -> None:
        """Copy, then delete: for a moment there may be two. The copy expires in seven days."""
        try:
            _send_or_create(self._poison, message.text)
        except (AzureError, OSError) as error:
            raise _unreachable(error) from error
        self.delete(message)


def open_service(settings: Mapping[str, str], connection: str) -> QueueServiceClient:
    """The account of `connection`, found as the host finds it. Raises NoConnection."""
    for prefix in (connection, f"AzureWebJobs{connection}"):
        if settings.get(prefix):
            try:
                return QueueServiceClient.from_connection_string(settings[prefix], **_options())
            except ValueError as error:
                raise NoConnection(f"{prefix}: {error}") from error
        account = settings.get(f"{prefix}__accountName")
        url = (
            settings.get(f"{prefix}__queueServiceUri")
            or settings.get(f"{prefix}__serviceUri")
            or (f"https://{account}.queue.core.windows.net" if account else None)
        )
        if url:
            client_id = settings.get(f"{prefix}__clientId")
            credential = (
                ManagedIdentityCredential(client_id=client_id)
                if client_id
                else DefaultAzureCredential()
            )
            return QueueServiceClient(url, credential, **_options())
    raise NoConnection(f"set {connection}, or {connection}__queueServiceUri")


def _options() -> dict[str, Any]:
    # The session's own pool of ten connections would be too small for a batch.
    session = requests.Session()
    for scheme in ("https://", "http://"):
        session.mount(scheme, HTTPAdapter(pool_maxsize=_CONNECTIONS))
    return {"transport": RequestsTransport(session=session), **_PATIENCE}


def _send_or_create(queue: QueueClient, text: str) -> None:
    try:
        queue.send_message(text)
    except ResourceNotFoundError:
        queue.create_queue()
        queue.send_message(text)


def _unless_gone(act: Callable[[], object]) -> bool:
    try:
        act()
    except HttpResponseError as error:
        if getattr(error, "error_code", None) in _GONE:
            return False
        raise _unreachable(error) from error
    except (AzureError, OSError) as error:
        raise _unreachable(error) from error
    return True


def _unreachable(error: Exception) -> Unreachable:
    return Unreachable(str(error).splitlines()[0][:300])


def _iso(moment: datetime | None) -> str:
    return moment.isoformat() if moment else ""
