"""Keep what will never be sent: the dead letter, the notice of it, then the row of the ledger.

In this order a crash leaves a dead letter that is kept a second time, never a row that says `dead`
of a mail that nobody has, or that nobody hears of.
"""

import json
import logging
from collections.abc import Iterator
from datetime import datetime
from itertools import chain

from function_app.log import log
from function_app.notices.board import Notice, post
from handoff.content import ContentLost, original_pieces
from handoff.dead_letters import DeadLetter, DeadLetters
from handoff.ledger import Delivery, Ledger
from handoff.storage import Storage
from handoff.ticket import Content


def keep(dead: Delivery, text: str, storage: Storage) -> None:
    """Keep the mail of the row `dead`, whose queue message is `text`. Raises ClaimLost."""
    letter = DeadLetter(
        id=dead.id,
        code=dead.code,
        reason=dead.reason,
        kept_at=dead.history[-1].at,
        ticket=text,
        history=dead.history,
    )
    DeadLetters(storage.dead_letters).keep(letter, _pieces_of(text, storage))
    post(Notice(dead.id, dead.generation), storage, letter.kept_at)
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
    DeadLetters(storage.dead_letters).keep(letter, _pieces_of(text, storage))
    post(Notice(message_id, is_stranger=True), storage, now)
    log("dead", logging.ERROR, id=message_id, code=letter.code)


def _pieces_of(text: str, storage: Storage) -> Iterator[bytes] | None:
    """The mail of a queue message, as long as its content at least can be understood.

    As it was accepted, or as it is now: what does not match its hash is kept as well.
    """
    try:
        content = Content.model_validate(json.loads(text)["content"])
        pieces = original_pieces(content, storage.mail)
        first = next(pieces, b"")
    except (ValueError, LookupError, TypeError, RecursionError, ContentLost):
        return None
    return chain([first], pieces)
