"""How much waits in Azure: the two queues, as they are now."""

from dataclasses import dataclass
from datetime import datetime

from handoff.storage import Storage


@dataclass(frozen=True)
class Queues:
    """Counts are the service's own approximation."""

    outbound: int
    oldest_seconds: int
    """Of the message that would be taken next; 0 when none is to be seen."""
    poison: int


def read_queues(storage: Storage, now: datetime) -> Queues:
    first = storage.outbound.peek_messages(max_messages=1)
    inserted_at = first[0].inserted_on if first else None
    age = int((now - inserted_at).total_seconds()) if inserted_at else 0
    return Queues(
        outbound=storage.outbound.get_queue_properties().approximate_message_count or 0,
        oldest_seconds=max(0, age),
        poison=storage.poison.get_queue_properties().approximate_message_count or 0,
    )
