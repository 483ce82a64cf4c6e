"""Look for a mail in a queue without taking anything out of it."""

from dataclasses import dataclass
from datetime import datetime

from azure.storage.queue import QueueClient

from handoff.ticket import BadTicket, decode

MOST_PEEKED = 32
"""Of a Storage queue nobody sees more at a time, and never what a worker holds."""


@dataclass(frozen=True)
class Waiting:
    """A ticket, as it stands in a queue."""

    since: datetime | None
    taken: int
    """How often a worker has taken it out."""


def find_waiting(mail_id: str, queue: QueueClient) -> Waiting | None:
    """None when the ticket is not among the first. Storage faults pass through."""
    for message in queue.peek_messages(max_messages=MOST_PEEKED):
        try:
            ticket = decode(str(message.content))
        except BadTicket:
            continue
        if ticket.id == mail_id:
            return Waiting(message.inserted_on, message.dequeue_count or 0)
    return None
