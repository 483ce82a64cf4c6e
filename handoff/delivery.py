"""A row of the ledger: one mail, what became of it, and how it is written into a table."""

import json
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self

from handoff.ids import partition_of
from handoff.ticket import Client, Ticket

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


ENDED = frozenset({State.SENT, State.DEAD, State.DISCARDED})


@dataclass(frozen=True)
class Attempt:
    """One try to send, as kept in the history of a row."""

    at: datetime
    state: State
    code: str
    reason: str
    began: datetime | None = None
    request_id: str = ""
    """The provider's own id of the request, for its support."""

    def as_record(self) -> dict[str, str]:
        record = {
            "at": self.at.isoformat(),
            "state": self.state.value,
            "code": self.code,
            "reason": self.reason,
        }
        if self.began:
            record["began"] = self.began.isoformat()
        return record | ({"request_id": self.request_id} if self.request_id else {})

    @classmethod
    def from_record(cls, record: dict[str, str]) -> Self:
        return cls(
            datetime.fromisoformat(record["at"]),
            State(record["state"]),
            record["code"],
            record["reason"],
            datetime.fromisoformat(record["began"]) if "began" in record else None,
            record.get("request_id", ""),
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
    reverse_path: str = ""
    client: Client | None = None
    queued_at: datetime | None = None
    """When the queue took the ticket of the last attempt."""
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
    identity: str = ""
    """Who made the last attempt; a draft and a doubt are his. "" for whom the ticket names."""
    marks: str = ""
    """What became of each recipient: see `handoff.marks`."""
    refused: str = ""
    """Who was refused for ever, and why."""
    is_bound: bool = False
    """An attempt may have sent the mail, and nobody could tell: no other identity may try."""
    fell_back: bool = False
    """The last attempt was made by a fallback identity."""
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
            reverse_path=ticket.envelope.reverse_path,
            client=ticket.client,
            recipient_count=len(ticket.envelope.forward_paths),
            recipients=ticket.envelope.forward_paths,
            size=ticket.content.size,
        )

    def claimed_again(self, ticket: Ticket, claimant: str, now: datetime, lease: timedelta) -> Self:
        is_redriven = ticket.generation > self.generation
        return replace(
            self._anew(ticket) if is_redriven else self._with_doubt(),
            state=State.SENDING,
            generation=ticket.generation,
            attempts=self.attempts + 1,
            claimed_at=now,
            lease_until=now + lease,
            claimant=claimant,
            ended_at=None,
            next_attempt_at=None,
        )

    def _anew(self, ticket: Ticket) -> Self:
        """Put back, a mail may have fewer recipients than before: those that did not get it."""
        paths = ticket.envelope.forward_paths
        return replace(
            self.without_doubt(),
            identity=self.identity if self.draft_id else "",
            marks="",
            refused="",
            is_bound=False,
            fell_back=False,
            recipients=paths,
            recipient_count=len(paths),
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
        self,
        state: State,
        now: datetime,
        *,
        code: str = "",
        reason: str = "",
        request_id: str = "",
        **details: Any,
    ) -> Self:
        """The row after an attempt, with the attempt added to its history."""
        reason = reason[:_REASON_LENGTH]
        attempt = Attempt(now, state, code, reason, self.claimed_at, request_id)
        history = (*self.history, attempt)[-_HISTORY_LENGTH:]
        ended_at = now if state in ENDED else None
        return replace(
            self,
            state=state,
            code=code,
            reason=reason,
            # Of the request by which the mail went out: one that failed is told in the history.
            request_id=request_id if state is State.SENT else self.request_id,
            ended_at=ended_at,
            history=history,
            **details,
        )


_KEPT_AS_JSON = frozenset({"recipients", "history", "client"})


def to_entity(delivery: Delivery) -> dict[str, Any]:
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
        "client": delivery.client.model_dump_json() if delivery.client else "",
    }


def _fitting(recipients: tuple[str, ...]) -> str:
    while len(text := json.dumps(recipients, ensure_ascii=False)) > _RECIPIENTS_LENGTH:
        recipients = recipients[: len(recipients) * 3 // 4]
    return text


def from_entity(entity: dict[str, Any], etag: str) -> Delivery:
    known = {column.name for column in fields(Delivery)} - _KEPT_AS_JSON - {"id", "etag", "state"}
    return Delivery(
        **{name: value for name, value in entity.items() if name in known},
        id=entity["RowKey"],
        state=State(entity["state"]),
        recipients=tuple(json.loads(entity["recipients"])),
        history=tuple(Attempt.from_record(record) for record in json.loads(entity["history"])),
        client=Client.model_validate_json(client) if (client := entity.get("client")) else None,
        etag=etag,
    )
