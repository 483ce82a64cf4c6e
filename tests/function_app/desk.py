"""What tests of deliveries work with: a queue to put tickets in and take messages from, a clock
that stands, and a provider that says what it is told to say."""

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError

from function_app.compose import FOR_GRAPH, Form, Letter
from function_app.deliver import deliver
from function_app.means import Means, Message
from function_app.outcome import CannotLook, Deferred, Found, Outcome, Sent
from function_app.pacing.limits import Limits
from function_app.pacing.turns import Pacing
from function_app.providers import Provider
from function_app.providers.guests import Guests
from handoff.dead_letters import DeadLetters
from handoff.findings import Finding
from handoff.ids import blob_name_of, new_id
from handoff.ledger import Delivery, Ledger
from handoff.sealed import OpeningKeys
from handoff.storage import Storage
from handoff.ticket import Content, Ticket, encode
from tests.builders import MAIL, a_ticket

SENT = Sent("scripted", "request-1")
TENANT = "72f988bf-0000-0000-0000-000000000000"
APPLICATION = "11111111-2222-3333-4444-555555555555"
SECRET = "s3cr3t~of.the-application"
BY_SECRET = {
    "IDENTITY__DEFAULT__CREDENTIAL": "client_secret",
    "IDENTITY__DEFAULT__TENANT_ID": TENANT,
    "IDENTITY__DEFAULT__CLIENT_ID": APPLICATION,
    "IDENTITY__DEFAULT__CLIENT_SECRET": SECRET,
}
"""Settings of an identity that the simulated Entra knows."""


@dataclass
class ScriptedProvider:
    """Answers `outcomes` one by one, then that it has sent; `during` happens while it sends.

    Who looks gets `found` one by one, then that nobody can look.
    """

    outcomes: Iterable[Outcome] = ()
    during: Callable[[Letter], None] = lambda letter: None
    found: Iterable[Found | Deferred] = ()
    draft: str = ""
    letters: list[Letter] = field(default_factory=list)
    sought: list[tuple[str, datetime]] = field(default_factory=list)
    form: Form = FOR_GRAPH

    def __post_init__(self) -> None:
        self._next = iter(self.outcomes)
        self._found = iter(self.found)

    def look(self, letter: Letter, draft_id: str, since: datetime) -> Found | Deferred:
        self.sought.append((draft_id, since))
        return next(self._found, CannotLook("May not look."))

    def probe(self, mailbox: str, probe_id: str) -> Iterator[Finding]:
        yield Finding("G02", "token", "ok", f"It knows {mailbox}.")

    def send(
        self, letter: Letter, note_draft: Callable[[str], None], draft_id: str = ""
    ) -> Outcome:
        if self.draft and not draft_id:
            note_draft(self.draft)
        self.letters.append(letter)
        self.during(letter)
        return next(self._next, SENT)


@dataclass
class Desk:
    """One storage account, and the clock."""

    storage: Storage
    now: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.storage.deliveries)

    @property
    def dead_letters(self) -> DeadLetters:
        return DeadLetters(self.storage.dead_letters)

    def means(self, provider: Provider, **changes: Any) -> Means:
        parts: dict[str, Any] = {
            "storage": self.storage,
            "provider_of": {"default": provider}.get,
            "guests": Guests(OpeningKeys(), lambda _: provider),
            "give_up_after": timedelta(hours=48),
            "when_unsure": "resend",
            "pacing": Pacing(Limits(most_in_flight=100, interval=0)),
            "now": lambda: self.now,
            "jitter": lambda: 0.0,
        }
        return Means(**parts | changes)

    def a_ticket(self, octets: bytes = MAIL, **changes: Any) -> Ticket:
        return a_ticket(octets, **{"id": new_id(self.now), "received_at": self.now} | changes)

    def a_ticket_with_blob(self, octets: bytes = MAIL, **changes: Any) -> Ticket:
        mail_id = new_id(self.now)
        name = blob_name_of(mail_id)
        self.storage.mail.upload_blob(name, octets)
        content = Content(
            size=len(octets), sha256=hashlib.sha256(octets).hexdigest(), mime=None, blob=name
        )
        return self.a_ticket(id=mail_id, content=content, **changes)

    def queued(self, ticket: Ticket | str) -> Message:
        """The message of `ticket` as the host gets it."""
        text = ticket if isinstance(ticket, str) else encode(ticket)
        self.storage.outbound.send_message(text, time_to_live=-1)
        message = self.taken()
        assert message is not None
        return message

    def taken(self) -> Message | None:
        found = self.storage.outbound.receive_message(visibility_timeout=600)
        if found is None:
            return None
        return Message(
            found.id, str(found.content), str(found.pop_receipt), found.dequeue_count or 0
        )

    def is_let_go(self, message: Message) -> bool:
        """Whether the host, to which `deliver` returned, can delete the message."""
        try:
            self.storage.outbound.delete_message(message.id, message.pop_receipt)
        except HttpResponseError as error:
            if getattr(error, "error_code", None) != "PopReceiptMismatch":
                raise
            return False
        return True

    def row(self, ticket: Ticket) -> Delivery:
        row = self.ledger.find(ticket.id)
        assert row is not None
        return row

    def has_content(self, ticket: Ticket) -> bool:
        return self.storage.mail.get_blob_client(str(ticket.content.blob)).exists()


def delivered(desk: Desk, means: Means, ticket: Ticket | None = None) -> Delivery:
    """The row of a mail after one attempt."""
    ticket = ticket or desk.a_ticket()
    deliver(desk.queued(ticket), means)
    return desk.row(ticket)


def wait_for_message(desk: Desk) -> Message:
    """The next message that comes back."""
    give_up_at = time.monotonic() + 15
    while time.monotonic() < give_up_at:
        message = desk.taken()
        if message is not None:
            return message
        time.sleep(0.1)
    raise AssertionError("the message did not come back")


def events(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """The events that were logged."""
    return [json.loads(record.getMessage()) for record in caplog.records if record.name == "relay"]
