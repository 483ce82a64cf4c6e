"""Keep what will never be sent: first the dead letter, then the row of the ledger.

In this order a crash between the two leaves a dead letter that is kept a second time, never a
row that says `dead` of a mail that nobody has.
"""

import json
import logging
from datetime import datetime

from function_app.log import log
from handoff.content import ContentLost, read_content
from handoff.dead_letters import DeadLetter, DeadLetters
from handoff.ledger import Delivery, Ledger
from handoff.storage import Storage
from handoff.ticket import Content


def keep(dead: Delivery, text: str, octets: bytes | None, storage: Storage) -> None:
    """Keep the mail of the row `dead`, whose queue message was `text`. Raises ClaimLost."""
    letter = DeadLetter(
        id=dead.id,
        code=dead.code,
        reason=dead.reason,
        kept_at=dead.history[-1].at,
        ticket=text,
        history=dead.history,
    )
    DeadLetters(storage.dead_letters).keep(letter, octets)
    Ledger(storage.deliveries).record(dead)
    log("dead", logging.ERROR, id=dead.id, attempt=dead.attempts, code=dead.code)


def keep_stranger(message_id: str, text: str, fault: str, storage: Storage, now: datetime) -> None:
    """Keep a queue message that is no ticket, under its own id: it has no row."""
    letter = DeadLetter(
        id=message_id,
        code="bad-ticket",
        reason=f"The queue message is no ticket that this version can read: {fault}",
        kept_at=now,
        ticket=text,
    )
    DeadLetters(storage.dead_letters).keep(letter, octets_of(text, storage))
    log("dead", logging.ERROR, id=message_id, code=letter.code)


def octets_of(text: str, storage: Storage) -> bytes | None:
    """The mail of a queue message, as long as its content at least can be understood."""
    try:
        content = Content.model_validate(json.loads(text)["content"])
        return read_content(content, storage.mail)
    except (ValueError, LookupError, TypeError, RecursionError, ContentLost):
        return None
