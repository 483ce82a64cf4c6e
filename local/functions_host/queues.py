"""The queues of a trigger: the one it reads, and its poison queue."""

from collections.abc import Mapping
from datetime import datetime

from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError
from azure.identity import DefaultAzureCredential, ManagedIdentityCredential
from azure.storage.queue import QueueClient, QueueMessage, QueueServiceClient

POISON_SUFFIX = "-poison"
_GONE = frozenset({"PopReceiptMismatch", "MessageNotFound"})


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
            page = self._queue.receive_messages(
                messages_per_page=most, max_messages=most, visibility_timeout=lease_seconds
            )
            return [Leased(message) for message in page]
        except ResourceNotFoundError:
            return []
        except (AzureError, OSError) as error:
            raise Unreachable(str(error).splitlines()[0]) from error

    def renew(self, message: Leased, seconds: int) -> bool:
        """Extend our hold; False when the message is no longer ours. Raises Unreachable."""
        return self._unless_gone(self._set_visibility, message, seconds)

    def delete(self, message: Leased) -> bool:
        """False when the function has put the message back, or its lease ran out."""
        return self._unless_gone(self._delete, message, 0)

    def to_poison(self, message: Leased) -> None:
        """Copy, then delete: for a moment there may be two. The copy expires in seven days."""
        try:
            send_to(self._poison, message.text)
        except (AzureError, OSError) as error:
            raise Unreachable(str(error).splitlines()[0]) from error
        self.delete(message)

    def _set_visibility(self, message: Leased, seconds: int) -> None:
        updated = self._queue.update_message(
            message.id, message.receipt, visibility_timeout=seconds
        )
        message.receipt = str(updated.pop_receipt)

    def _delete(self, message: Leased, _: int) -> None:
        self._queue.delete_message(message.id, message.receipt)

    def _unless_gone(self, act, message: Leased, seconds: int) -> bool:  # type: ignore[no-untyped-def]
        try:
            act(message, seconds)
        except HttpResponseError as error:
            if str(getattr(error, "error_code", "")) in _GONE or "PopReceiptMismatch" in str(error):
                return False
            raise Unreachable(str(error).splitlines()[0]) from error
        except (AzureError, OSError) as error:
            raise Unreachable(str(error).splitlines()[0]) from error
        return True


def open_service(settings: Mapping[str, str], connection: str) -> QueueServiceClient:
    """The account of `connection`, found as the host finds it. Raises NoConnection."""
    for prefix in (connection, f"AzureWebJobs{connection}"):
        if settings.get(prefix):
            return QueueServiceClient.from_connection_string(settings[prefix], retry_total=1)
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
            return QueueServiceClient(url, credential, retry_total=1)
    raise NoConnection(f"set {connection}, or {connection}__queueServiceUri")


def send_to(queue: QueueClient, text: str) -> None:
    try:
        queue.send_message(text)
    except ResourceNotFoundError:
        queue.create_queue()
        queue.send_message(text)


def _iso(moment: datetime | None) -> str:
    return moment.isoformat() if moment else ""
