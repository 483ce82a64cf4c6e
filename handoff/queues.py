"""How much waits in the two queues, as they are now."""

from dataclasses import dataclass
from datetime import datetime

from handoff.storage import Storage


@dataclass(frozen=True)
class Queues:
    """Counts are the service's own approximation, those in a worker's hands among them."""

    outbound: int
    oldest_seconds: int
    """Of the message that would be taken next; 0 when none is to be seen."""
    poison: int


def read_queues(storage: Storage, now: datetime) -> Queues:
    """Takes nothing out. Storage faults pass through."""
    first = storage.outbound.peek_messages(max_messages=1)
    inserted_at = first[0].inserted_on if first else None
    # The clock of the storage account may be ahead of ours.
    age = max(0, int((now - inserted_at).total_seconds())) if inserted_at else 0
    return Queues(
        outbound=storage.outbound.get_queue_properties().approximate_message_count or 0,
        oldest_seconds=age,
        poison=storage.poison.get_queue_properties().approximate_message_count or 0,
    )
