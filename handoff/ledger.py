"""The ledger: one row a mail, in table `deliveries`.

At once the claim (so that one worker sends), the delivery log, and the memory that stops a
second send. Every change is an atomic insert or carries the ETag of the row that it was decided
on: of two workers, one wins and the other learns it.
"""

import json
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self

from azure.core import MatchConditions
from azure.core.exceptions import (
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.data.tables import TableClient, UpdateMode

from handoff.ids import partition_of
from handoff.ticket import Ticket

# A table property holds 32,768 characters.
_HISTORY_LENGTH = 20
_REASON_LENGTH = 1_000
_RECIPIENTS_LENGTH = 32_000


class State(StrEnum):
    SENDING = "sending"
    DEFERRED = "deferred"
    SENT = "sent"
    DEAD = "dead"
    DISCARDED = "discarded"


_ENDED = frozenset({State.SENT, State.DEAD, State.DISCARDED})


class ClaimLost(Exception):
    """Another worker changed the row meanwhile: what was decided on it does not count."""


@dataclass(frozen=True)
class Attempt:
    """One try to send, as kept in the history of a row."""

    at: datetime
    state: State
    code: str
    reason: str

    def as_record(self) -> dict[str, str]:
        return asdict(self) | {"at": self.at.isoformat(), "state": self.state.value}

    @classmethod
    def from_record(cls, record: dict[str, str]) -> Self:
        return cls(
            datetime.fromisoformat(record["at"]),
            State(record["state"]),
            record["code"],
            record["reason"],
        )


@dataclass(frozen=True)
class Delivery:
    """A row of the ledger. Times are in UTC; texts are "" and times None when not known."""

    id: str
    state: State
    generation: int
    attempts: int
    """How often a worker has claimed the mail to send it."""
    received_at: datetime
    claimed_at: datetime
    lease_until: datetime
    """Until then a `sending` row belongs to its claimant alone."""
    claimant: str = ""
    """The queue message that the claim was made for."""
    site: str = ""
    device: str = ""
    mailbox: str = ""
    recipient_count: int = 0
    recipients: tuple[str, ...] = ()
    """The forward paths, as many as a row can hold."""
    size: int = 0
    message_id: str = ""
    draft_id: str = ""
    """Of a draft that is complete, and may have been sent."""
    unsure_since: datetime | None = None
    """When an attempt began of which nobody knows whether it sent the mail."""
    looks: int = 0
    """How often the mail was looked for since, and not found."""
    provider: str = ""
    request_id: str = ""
    code: str = ""
    reason: str = ""
    ended_at: datetime | None = None
    next_attempt_at: datetime | None = None
    history: tuple[Attempt, ...] = ()
    etag: str = ""

    @classmethod
    def opened(cls, ticket: Ticket, claimant: str, now: datetime, lease: timedelta) -> Self:
        """The row of a mail that is claimed for the first time."""
        return cls(
            id=ticket.id,
            state=State.SENDING,
            generation=ticket.generation,
            attempts=1,
            received_at=ticket.received_at,
            claimed_at=now,
            lease_until=now + lease,
            claimant=claimant,
            site=ticket.site,
            device=ticket.device,
            mailbox=ticket.send_as.mailbox,
            recipient_count=len(ticket.envelope.forward_paths),
            recipients=ticket.envelope.forward_paths,
            size=ticket.content.size,
        )

    def claimed_again(self, ticket: Ticket, claimant: str, now: datetime, lease: timedelta) -> Self:
        is_redriven = ticket.generation > self.generation
        return replace(
            self.without_doubt() if is_redriven else self._with_doubt(),
            state=State.SENDING,
            generation=ticket.generation,
            attempts=self.attempts + 1,
            claimed_at=now,
            lease_until=now + lease,
            claimant=claimant,
            ended_at=None,
            next_attempt_at=None,
        )

    def without_doubt(self) -> Self:
        """The row of a mail that was looked for long enough, or that somebody wants sent again."""
        return replace(self, unsure_since=None, looks=0)

    def _with_doubt(self) -> Self:
        """A worker that never concluded may have sent the mail."""
        if self.state is not State.SENDING:
            return self
        return replace(self, unsure_since=self.unsure_since or self.claimed_at, looks=0)

    def concluded(
        self, state: State, now: datetime, *, code: str = "", reason: str = "", **details: Any
    ) -> Self:
        """The row after an attempt, with the attempt added to its history."""
        reason = reason[:_REASON_LENGTH]
        history = (*self.history, Attempt(now, state, code, reason))[-_HISTORY_LENGTH:]
        ended_at = now if state in _ENDED else None
        return replace(
            self,
            state=state,
            code=code,
            reason=reason,
            ended_at=ended_at,
            history=history,
            **details,
        )


@dataclass(frozen=True)
class Claimed:
    """The mail is ours to send until `delivery.lease_until`."""

    delivery: Delivery


@dataclass(frozen=True)
class Busy:
    """Another worker has the mail until then."""

    until: datetime


@dataclass(frozen=True)
class Ended:
    """The mail has had its end; there is nothing to send."""

    state: State


def judge(
    row: Delivery | None, ticket: Ticket, claimant: str, now: datetime, lease: timedelta
) -> Claimed | Busy | Ended:
    """Whether the mail of `ticket` may be sent now, given its row. Pure.

    A queue message that comes again says itself that its earlier worker is gone: the host hides
    it for longer than a worker may run. Only a second message for one mail must wait.
    """
    if row is None:
        return Claimed(Delivery.opened(ticket, claimant, now, lease))
    if row.state in _ENDED and ticket.generation <= row.generation:
        return Ended(row.state)
    if row.state is State.SENDING and row.claimant != claimant and row.lease_until > now:
        return Busy(row.lease_until)
    return Claimed(row.claimed_again(ticket, claimant, now, lease))


class Ledger:
    """The table, row by row. Storage faults pass through: without its ledger nobody sends."""

    def __init__(self, deliveries: TableClient) -> None:
        self._deliveries = deliveries

    def claim(
        self, ticket: Ticket, claimant: str, now: datetime, lease: timedelta
    ) -> Claimed | Busy | Ended:
        """Take the mail of `ticket` for `lease`, unless somebody has it or it has ended.

        `claimant` is the id of the queue message that brought the ticket.
        Raises ClaimLost when another worker was faster by a hair.
        """
        with suppress(ClaimLost):
            # Most mails have no row yet, and need not wait for the answer that there is none.
            return Claimed(self.record(Delivery.opened(ticket, claimant, now, lease)))
        verdict = judge(self.find(ticket.id), ticket, claimant, now, lease)
        if not isinstance(verdict, Claimed):
            return verdict
        return Claimed(self.record(verdict.delivery))

    def record(self, delivery: Delivery) -> Delivery:
        """Write the row and return it with its new ETag. Raises ClaimLost."""
        entity = _to_entity(delivery)
        try:
            if not delivery.etag:
                answer = self._deliveries.create_entity(entity)
            else:
                answer = self._deliveries.update_entity(
                    entity,
                    mode=UpdateMode.REPLACE,
                    etag=delivery.etag,
                    match_condition=MatchConditions.IfNotModified,
                )
        except (ResourceExistsError, ResourceModifiedError) as error:
            raise ClaimLost(delivery.id) from error
        return replace(delivery, etag=answer["etag"])

    def find(self, mail_id: str) -> Delivery | None:
        try:
            entity = self._deliveries.get_entity(partition_of(mail_id), mail_id)
        except ResourceNotFoundError:
            return None
        return _from_entity(entity, str(entity.metadata["etag"]))


_KEPT_AS_JSON = frozenset({"recipients", "history"})


def _to_entity(delivery: Delivery) -> dict[str, Any]:
    columns = {
        column.name: getattr(delivery, column.name)
        for column in fields(delivery)
        if column.name not in _KEPT_AS_JSON | {"id", "etag"}
    }
    return {
        "PartitionKey": partition_of(delivery.id),
        "RowKey": delivery.id,
        **{name: value for name, value in columns.items() if value is not None},
        "state": delivery.state.value,
        "recipients": _fitting(delivery.recipients),
        "history": json.dumps(
            [attempt.as_record() for attempt in delivery.history], ensure_ascii=False
        ),
    }


def _fitting(recipients: tuple[str, ...]) -> str:
    while len(text := json.dumps(recipients, ensure_ascii=False)) > _RECIPIENTS_LENGTH:
        recipients = recipients[: len(recipients) * 3 // 4]
    return text


def _from_entity(entity: dict[str, Any], etag: str) -> Delivery:
    known = {column.name for column in fields(Delivery)} - _KEPT_AS_JSON - {"id", "etag", "state"}
    return Delivery(
        **{name: value for name, value in entity.items() if name in known},
        id=entity["RowKey"],
        state=State(entity["state"]),
        recipients=tuple(json.loads(entity["recipients"])),
        history=tuple(Attempt.from_record(record) for record in json.loads(entity["history"])),
        etag=etag,
    )
