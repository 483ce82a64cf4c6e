"""What follows from an attempt: the row, the message, the dead letter, in the order that loses
nothing."""

import logging
from dataclasses import replace
from datetime import timedelta

from function_app.backoff import FIRST, FIRST_OF_CONFIGURATION, delay
from function_app.dead_letter import keep
from function_app.doubt import LOOKING
from function_app.facts import record_fact
from function_app.legs import paths_of
from function_app.log import log
from function_app.means import Means, Message, Trial, put_back
from function_app.notices.alarms import key_of
from function_app.outcome import Deferred, Outcome, Rejected, Sent
from handoff.content import drop_content
from handoff.ledger import Delivery, State
from handoff.marks import IN_DOUBT, OPEN, REFUSED, with_mark
from handoff.ticket import Ticket, encode


def conclude(message: Message, ticket: Ticket, trial: Trial, means: Means) -> None:
    """Act on the outcome of `trial`. Raises ClaimLost, or the storage account's own faults."""
    # By the clock of the storage account: an edge's may be wrong, and what waited there for days
    # has not been tried yet.
    began = message.inserted_at or ticket.redriven_at or ticket.received_at
    age = means.now() - began
    row = replace(trial.row, message_id=trial.message_id)
    match given_up(trial.outcome, age, means.give_up_after):
        case Sent() as outcome:
            _sent(ticket, row, trial, outcome, means)
            _tell_alarms(ticket, trial, means)
        case Deferred() as outcome:
            _deferred(message, row, trial, outcome, means)
            _tell_alarms(ticket, trial, means)
        case Rejected() as outcome:
            _dead(message, ticket, row, outcome, means)


def _tell_alarms(ticket: Ticket, trial: Trial, means: Means) -> None:
    for identity, outcome in trial.ends:
        send_as = ticket.send_as.model_copy(update={"identity": identity})
        match outcome:
            case Sent():
                means.alarms.has_sent(send_as, by_draft=bool(trial.row.draft_id))
            case Deferred(code=code, reason=reason, is_configuration=True):
                means.alarms.raise_alarm(key_of(send_as, code), reason)


def given_up(outcome: Outcome, age: timedelta, give_up_after: timedelta) -> Outcome:
    """`outcome`, unless it defers a mail that has waited for long enough. Pure."""
    if not isinstance(outcome, Deferred) or age < give_up_after:
        return outcome
    hours = round(give_up_after / timedelta(hours=1), 1)
    return Rejected(
        "gave-up",
        f"Not sent within {hours:g} hours. The last fault was {outcome.code}: {outcome.reason}",
        outcome.request_id,
    )


def _sent(ticket: Ticket, row: Delivery, trial: Trial, outcome: Sent, means: Means) -> None:
    row = row.concluded(
        State.SENT, means.now(), provider=outcome.provider, request_id=outcome.request_id
    )
    record_fact(row, means.ledger)
    log(
        "sent",
        id=row.id,
        attempt=row.attempts,
        provider=outcome.provider,
        request_id=outcome.request_id,
        duration_ms=_milliseconds(trial),
    )
    drop_content(ticket.content, means.storage.mail)


def _deferred(
    message: Message, row: Delivery, trial: Trial, outcome: Deferred, means: Means
) -> None:
    now = means.now()
    first = FIRST_OF_CONFIGURATION if outcome.is_configuration else FIRST
    # Whether it has been sent shows within a minute, however many attempts went before.
    tries = row.looks if outcome.code == LOOKING else row.attempts
    pause = delay(tries, outcome.after, means.jitter(), first)
    if outcome.unsure:
        row = replace(row, unsure_since=row.unsure_since or row.claimed_at)
    row = row.concluded(
        State.DEFERRED,
        now,
        code=outcome.code,
        reason=outcome.reason,
        request_id=outcome.request_id,
        next_attempt_at=now + pause,
    )
    means.ledger.record(row)
    put_back(message, means.storage, pause)
    log(
        "deferred",
        logging.WARNING,
        id=row.id,
        attempt=row.attempts,
        code=outcome.code,
        request_id=outcome.request_id,
        unsure=outcome.unsure,
        next_attempt_at=now + pause,
        duration_ms=_milliseconds(trial),
    )


def _dead(message: Message, ticket: Ticket, row: Delivery, outcome: Rejected, means: Means) -> None:
    row = row.concluded(
        State.DEAD,
        means.now(),
        code=outcome.code,
        reason=outcome.reason,
        request_id=outcome.request_id,
    )
    keep(row, _text_of_rest(message.text, ticket, row), means.storage)
    drop_content(ticket.content, means.storage.mail)


def _text_of_rest(text: str, ticket: Ticket, row: Delivery) -> str:
    """The ticket for those who did not get the mail: put back, it must not go to the others."""
    paths = paths_of(ticket)
    rest = tuple(dict.fromkeys(with_mark(row.marks, paths, OPEN, IN_DOUBT, REFUSED)))
    if not row.marks or len(rest) == len(set(paths)):
        return text
    envelope = ticket.envelope.model_copy(update={"forward_paths": rest})
    return encode(ticket.model_copy(update={"envelope": envelope}))


def _milliseconds(trial: Trial) -> int:
    return round(trial.seconds * 1000)
