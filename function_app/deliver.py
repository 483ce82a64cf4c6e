"""Deliver one mail: decode, claim, read, compose, send, conclude.

At least once. What has been claimed is sent, deferred or dead in the ledger before its queue
message goes; a crash on the way leaves the message, and the next run learns from the ledger what
happened. When the provider may have taken the mail and nobody knows, the next run looks for it
before it sends again; where it may not look, a second copy is possible.

To return is to let go of the message. So `deliver` returns only when the mail has had its end,
or when the message is sure to come back.
"""

import logging
import time
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta

from azure.core.exceptions import AzureError

from function_app.backoff import delay
from function_app.compose import Letter, Uncomposable, compose
from function_app.conclude import conclude
from function_app.dead_letter import keep_stranger
from function_app.doubt import settle
from function_app.log import log
from function_app.means import Means, Message, Trial, put_back
from function_app.outcome import Deferred, NotSent, Outcome, Rejected
from function_app.pacing.turns import Turn
from function_app.providers import Provider
from function_app.signals import heed
from handoff.content import ContentLost, NoRoom, drop_content, open_content
from handoff.ledger import Busy, Claimed, ClaimLost, Delivery, Ended, State
from handoff.octets import Octets
from handoff.signals import decode_signal
from handoff.ticket import BadTicket, Ticket, decode

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
    # Before the claim: to wait for the mailbox is no attempt.
    turn = means.pacing.turn(ticket, message.id, message.dequeue_count - 1)
    if isinstance(turn, timedelta):
        put_back(message, means.storage, turn)
        return
    with turn:
        _take(message, ticket, turn, means)


def _take(message: Message, ticket: Ticket, turn: Turn, means: Means) -> None:
    now = means.now()
    match means.ledger.claim(ticket, message.id, now, means.lease):
        case Claimed(row):
            _log_sending(ticket, row)
            trial = attempt(ticket, replace(row, queued_at=message.inserted_at), means)
            turn.end(trial.outcome)
            conclude(message, ticket, trial, means)
        case Busy(until):
            put_back(message, means.storage, until - now + timedelta(seconds=1))
            log("busy", id=ticket.id, until=until)
        case Ended(state):
            log("ended", id=ticket.id, state=state.value)
            if state is State.SENT:
                drop_content(ticket.content, means.storage.mail)


def attempt(ticket: Ticket, row: Delivery, means: Means) -> Trial:
    """Try once to send the mail of `ticket`, which `row` has claimed."""
    with ExitStack() as held:
        try:
            octets = held.enter_context(open_content(ticket.content, means.storage.mail))
        except ContentLost as loss:
            lost = Rejected("content-lost", f"The content of the mail is lost: {loss}.")
            return Trial(lost, row)
        except NoRoom as fault:
            return Trial(_no_room(fault), row)
        return _attempt(ticket, octets, row, means)


def _attempt(ticket: Ticket, octets: Octets, row: Delivery, means: Means) -> Trial:
    provider = _provider_of(ticket, means)
    if isinstance(provider, Deferred | Rejected):
        return Trial(provider, row)
    try:
        letter = compose(ticket, octets, means.now())
    except Uncomposable as fault:
        return Trial(Rejected(fault.code, fault.reason), row)
    began = time.monotonic()
    outcome, row = _settled(letter, row, provider, means)
    if outcome is None:
        outcome, row = _sent(letter, row, provider, means)
    return Trial(outcome, row, letter.message_id, time.monotonic() - began)


def _provider_of(ticket: Ticket, means: Means) -> Provider | Deferred | Rejected:
    if ticket.send_as.sealed is not None:
        return means.guests.provider_of(ticket.send_as.sealed)
    identity = ticket.send_as.identity
    return means.provider_of(identity) or _unknown_identity(identity)


def _settled(
    letter: Letter, row: Delivery, provider: Provider, means: Means
) -> tuple[Outcome | None, Delivery]:
    """Look before a second copy goes out; None: there is none."""
    if row.unsure_since is None:
        return None, row
    found = provider.look(letter, row.draft_id, row.unsure_since)
    outcome = settle(found, row.looks, means.when_unsure)
    log("looked", id=letter.id, found=type(found).__name__, looks=row.looks + 1)
    if outcome is None:
        return None, row.without_doubt()
    # To look is no attempt: it must not make the next pause longer.
    looks = row.looks + isinstance(found, NotSent)
    return outcome, replace(row, looks=looks, attempts=row.attempts - 1)


def _sent(
    letter: Letter, row: Delivery, provider: Provider, means: Means
) -> tuple[Outcome, Delivery]:
    def note_draft(draft_id: str) -> None:
        nonlocal row
        row = means.ledger.record(replace(row, draft_id=draft_id))

    outcome = provider.send(letter, note_draft, row.draft_id)
    return outcome, row


def _no_room(fault: NoRoom) -> Deferred:
    return Deferred(
        "no-room",
        f"The function app cannot write the mail to a temporary file: {fault}. It waits until "
        "others have gone; if that does not help, let fewer run at once (batchSize in host.json).",
    )


def _unknown_identity(name: str) -> Rejected:
    return Rejected(
        "unknown-identity",
        f'The function app knows no sending identity "{name}". Set '
        f"IDENTITY__{name.upper()}__PROVIDER and its other settings, then redrive the mail.",
    )


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
