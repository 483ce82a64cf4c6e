"""Deliver one mail: decode, claim, read, compose, send, conclude.

At least once. What has been claimed is sent, deferred or dead in the ledger before its queue
message goes; a crash on the way leaves the message, and the next run learns from the ledger what
happened. When the provider may have taken the mail and nobody knows, the next run looks for it
before it sends again; where it may not look, a second copy is possible.

To return is to let go of the message. So `deliver` returns only when the mail has had its end,
or when the message is sure to come back.
"""

import logging
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import replace
from datetime import timedelta

from azure.core.exceptions import AzureError

from function_app.attempt import attempt
from function_app.backoff import delay
from function_app.conclude import conclude
from function_app.dead_letter import keep_stranger
from function_app.legs import legs_of, past_of
from function_app.log import log
from function_app.means import Means, Message, put_back
from function_app.pacing.turns import Turn
from function_app.signals import heed
from handoff.content import drop_content
from handoff.ledger import Busy, Claimed, ClaimLost, Delivery, Ended, State
from handoff.signals import decode_signal
from handoff.ticket import BadTicket, Ticket, decode
from handoff.traces import Span

_AFTER_LOST_CLAIM = timedelta(seconds=5)


def deliver(message: Message, means: Means) -> None:
    """Bring the mail of `message` one step on. Raises when the message cannot be put back."""
    try:
        _deliver(message, means)
    except ClaimLost as loss:
        put_back(message, means.storage, _AFTER_LOST_CLAIM)
        log("claim-lost", id=str(loss))
    except AzureError as fault:
        # The storage account will heal; raised, it would use up maxDequeueCount in a few hours.
        put_back(message, means.storage, delay(message.dequeue_count, None, means.jitter()))
        _log_storage_fault(message, fault)


def _deliver(message: Message, means: Means) -> None:
    try:
        ticket = decode(message.text)
    except BadTicket as fault:
        if signal := decode_signal(message.text):
            heed(signal, means)
            return
        keep_stranger(message.id, message.text, str(fault), means.storage, means.now())
        return
    has_waited = message.dequeue_count > 1
    with ExitStack() as taken:
        # Before the claim: to wait for a mailbox is no attempt.
        turns = _turns(message, ticket, means, taken, has_waited)
        if isinstance(turns, timedelta):
            put_back(message, means.storage, turns)
            return
        _take(message, ticket, turns, means, has_waited)


def _turns(
    message: Message, ticket: Ticket, means: Means, taken: ExitStack, has_waited: bool
) -> dict[str, Turn] | timedelta:
    """A turn for each identity that is to send, or how long to wait for one that is not free."""
    row = None
    if has_waited and not means.routes.are_simple:
        row = means.ledger.find(ticket.id)
    row = row or Delivery.opened(ticket, message.id, means.now(), means.lease)
    past = past_of(ticket, row, means.now(), has_waited=has_waited)
    turns: dict[str, Turn] = {}
    for leg in legs_of(ticket, row, past, means.routes):
        if leg.identity in turns:
            continue
        turn = means.pacing.turn(ticket, message.id, message.dequeue_count - 1, leg.identity)
        if isinstance(turn, timedelta):
            return turn
        turns[leg.identity] = taken.enter_context(turn)
    return turns


def _take(
    message: Message, ticket: Ticket, turns: dict[str, Turn], means: Means, has_waited: bool
) -> None:
    now = means.now()
    match means.ledger.claim(ticket, message.id, now, means.lease):
        case Claimed(row):
            _log_sending(ticket, row)
            row = replace(row, queued_at=message.inserted_at)
            with _span(ticket, row, means) as span:
                trial = attempt(ticket, row, means, turns, has_waited=has_waited)
                conclude(message, ticket, trial, means)
                if span is not None:
                    span.note(outcome=type(trial.outcome).__name__.lower())
        case Busy(until):
            put_back(message, means.storage, until - now + timedelta(seconds=1))
            log("busy", id=ticket.id, until=until)
        case Ended(state):
            log("ended", id=ticket.id, state=state.value)
            if state is State.SENT:
                drop_content(ticket.content, means.storage.mail)


def _span(ticket: Ticket, row: Delivery, means: Means) -> AbstractContextManager[Span | None]:
    if means.traces is None:
        return nullcontext()
    return means.traces.begin("deliver", ticket.trace, id=ticket.id, attempt=row.attempts)


def _log_sending(ticket: Ticket, row: Delivery) -> None:
    log(
        "sending",
        id=ticket.id,
        attempt=row.attempts,
        site=ticket.site,
        device=ticket.device,
        unsure=row.unsure_since is not None,
    )


def _log_storage_fault(message: Message, fault: AzureError) -> None:
    log(
        "postponed",
        logging.ERROR,
        queue_message_id=message.id,
        dequeue_count=message.dequeue_count,
        code=f"storage-{getattr(fault, 'error_code', None) or type(fault).__name__}",
    )
