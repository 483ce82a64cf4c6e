"""The round that a timer makes: poison becomes dead letters, and the queue tells how it is.

The host puts into the poison queue what failed too often, and those copies expire after seven
days; so each is kept as a dead letter and then taken out. A round is bounded, and two at once do
no harm: what one holds the other does not see.
"""

from dataclasses import replace
from datetime import datetime

from azure.core.exceptions import ResourceNotFoundError

from function_app.dead_letter import keep, keep_stranger
from function_app.log import log
from function_app.means import LEASE
from handoff.content import drop_content
from handoff.ledger import Claimed, ClaimLost, Delivery, Ended, Ledger, State
from handoff.queues import read_queues
from handoff.storage import Storage
from handoff.ticket import BadTicket, Ticket, decode

MOST_A_ROUND = 256
_AT_ONCE = 32
_HOLD_SECONDS = 300
_REASON = (
    "The function app failed on this mail again and again; its log tells why. It may have been "
    "sent all the same: look for its Message-ID in Sent Items before you redrive it."
)


def sweep(storage: Storage, now: datetime) -> None:
    """Make one round."""
    bury_poison(storage, now)
    queues = read_queues(storage, now)
    told = {
        "outbound_depth": queues.outbound,
        "outbound_oldest_seconds": queues.oldest_seconds,
        "poison_depth": queues.poison,
    }
    storage.status.upsert_entity(
        {"PartitionKey": "function-app", "RowKey": "queue", "at": now, **told}
    )
    log("status", **told)


def bury_poison(storage: Storage, now: datetime) -> None:
    """Turn what is in the poison queue into dead letters."""
    found = storage.poison.receive_messages(
        messages_per_page=_AT_ONCE, visibility_timeout=_HOLD_SECONDS, max_messages=MOST_A_ROUND
    )
    for message in found:
        if _is_buried(message.id, str(message.content), storage, now):
            try:
                storage.poison.delete_message(message)
            except ResourceNotFoundError:
                continue


def _is_buried(message_id: str, text: str, storage: Storage, now: datetime) -> bool:
    try:
        ticket = decode(text)
    except BadTicket as fault:
        keep_stranger(message_id, text, str(fault), storage, now)
        return True
    try:
        claim = Ledger(storage.deliveries).claim(ticket, message_id, now, LEASE)
    except ClaimLost:
        return False
    if isinstance(claim, Claimed):
        _bury(ticket, claim.delivery, text, storage, now)
    return isinstance(claim, Claimed | Ended)


def _bury(ticket: Ticket, row: Delivery, text: str, storage: Storage, now: datetime) -> None:
    row = replace(row, attempts=row.attempts - 1)  # to claim it was no attempt to send it
    dead = row.concluded(State.DEAD, now, code="poison", reason=_REASON)
    keep(dead, text, storage)
    drop_content(ticket.content, storage.mail)
