"""The ledger: one row a mail, in table `deliveries`.

At once the claim (so that one worker sends), the delivery log, and the memory that stops a
second send. Every change is an atomic insert or carries the ETag of the row that it was decided
on: of two workers, one wins and the other learns it.
"""

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from azure.core import MatchConditions
from azure.core.exceptions import (
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.data.tables import TableClient, UpdateMode

from handoff.delivery import ENDED, Attempt, Delivery, State, from_entity, to_entity
from handoff.ids import partition_of
from handoff.ticket import Ticket

__all__ = [
    "Attempt",
    "Busy",
    "ClaimLost",
    "Claimed",
    "Delivery",
    "Ended",
    "Ledger",
    "State",
    "judge",
]


class ClaimLost(Exception):
    """Another worker changed the row meanwhile: what was decided on it does not count."""


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
    if row.state in ENDED and ticket.generation <= row.generation:
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
        entity = to_entity(delivery)
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
        return from_entity(entity, str(entity.metadata["etag"]))
