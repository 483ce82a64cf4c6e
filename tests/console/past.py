"""A past for the ledger: mails as the function app would have left them."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

from handoff.dead_letters import DeadLetter, DeadLetters
from handoff.delivery import Delivery, State, to_entity
from handoff.ids import new_id, partition_of
from handoff.storage import Storage
from handoff.ticket import Client, Ticket, encode
from tests.builders import MAIL, a_ticket

LEASE = timedelta(minutes=6)
CLIENT = Client(listener="lan", address="10.0.8.21", tls="TLSv1.3", signed_in=True)


class Past:
    """Writes rows, and dead letters where they belong to them."""

    def __init__(self, storage: Storage, now: datetime | None = None) -> None:
        self.storage = storage
        self.now = now or datetime.now(UTC)

    def mail(
        self,
        ago: timedelta = timedelta(minutes=1),
        state: State = State.SENT,
        code: str = "",
        reason: str = "",
        **changes: Any,
    ) -> Delivery:
        """One mail, in the ledger."""
        row, ticket = self._row(ago, state, code, reason, changes)
        self.write([row])
        if state is State.DEAD:
            self.bury(row, ticket)
        return row

    def mails(self, agos: Iterable[timedelta], **changes: Any) -> list[Delivery]:
        """Many sent mails at once."""
        rows = [self._row(ago, State.SENT, "", "", dict(changes))[0] for ago in agos]
        self.write(rows)
        return rows

    def write(self, rows: Iterable[Delivery]) -> None:
        ordered = sorted(rows, key=lambda row: row.id)
        for _, of_hour in groupby(ordered, key=lambda row: partition_of(row.id)):
            entities = [to_entity(row) for row in of_hour]
            for start in range(0, len(entities), 100):
                self.storage.deliveries.submit_transaction(
                    [("upsert", entity) for entity in entities[start : start + 100]]
                )

    def bury(self, row: Delivery, ticket: Ticket) -> None:
        letter = DeadLetter(row.id, row.code, row.reason, self.now, encode(ticket), row.history)
        DeadLetters(self.storage.dead_letters).keep(letter, [MAIL])

    def _row(
        self, ago: timedelta, state: State, code: str, reason: str, changes: dict[str, Any]
    ) -> tuple[Delivery, Ticket]:
        at = (self.now - ago).replace(microsecond=0)
        request_id = changes.pop("request_id", "request-1" if state is State.SENT else "")
        took = changes.pop("took", timedelta(seconds=2))
        known: dict[str, Any] = {"id": new_id(at), "received_at": at, "client": CLIENT}
        ticket = a_ticket(**known | changes)
        row = Delivery.opened(ticket, "message", at + took / 2, LEASE)
        row = replace(row, queued_at=at + took / 4, message_id="<one@contoso.com>")
        if state is State.SENDING:
            return row, ticket
        row = row.concluded(
            state,
            at + took,
            code=code,
            reason=reason,
            provider="graph" if state is State.SENT else "",
            request_id=request_id,
        )
        if state is State.DEFERRED:
            row = replace(row, next_attempt_at=at + timedelta(hours=1))
        return row, ticket
