"""What an operator does with a dead letter: put the mail back, or let it go.

A mail that is put back keeps its id and gets a new generation, which the ledger lets through once.
The order is: audit, content, ticket, row, dead letter. A crash leaves the dead letter, and who
repeats the redrive makes the same generation again, so that no second copy goes out.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from azure.storage.blob import ContentSettings

from handoff.audit import Action, AuditRow, note
from handoff.dead_letters import DeadLetter, DeadLetters
from handoff.ledger import ClaimLost, Ledger, State
from handoff.storage import Storage
from handoff.ticket import FOREVER, BadTicket, Ticket, decode, encode

_REDRIVEN = "redriven"
_DISCARDED = "discarded"


class Done(Enum):
    """What became of a wish."""

    DONE = "done"
    NO_SUCH_LETTER = "there is no dead letter of this id"
    CONTENT_LOST = "its content is lost, so there is nothing to send"


@dataclass(frozen=True)
class Operator:
    """A person at work on one storage account. Storage faults pass through."""

    storage: Storage
    who: str

    def redrive(self, ids: tuple[str, ...], now: datetime) -> dict[str, Done]:
        """Put these mails back into the queue."""
        self._note("redrive", ids, now)
        return {mail_id: self._redrive(mail_id, now) for mail_id in ids}

    def discard(self, ids: tuple[str, ...], now: datetime) -> dict[str, Done]:
        """Let these mails go for good; their rows stay."""
        self._note("discard", ids, now)
        return {mail_id: self._discard(mail_id, now) for mail_id in ids}

    @property
    def _letters(self) -> DeadLetters:
        return DeadLetters(self.storage.dead_letters)

    def _note(self, action: Action, ids: tuple[str, ...], now: datetime) -> None:
        note(AuditRow(now, self.who, action, ids), self.storage.status)

    def _redrive(self, mail_id: str, now: datetime) -> Done:
        letter = self._letters.find(mail_id)
        if letter is None:
            return Done.NO_SUCH_LETTER
        try:
            ticket = decode(letter.ticket)
        except BadTicket:
            # A version that can read it may run by now; if not, it comes back here.
            self._put(letter.ticket)
        else:
            if not self._put_content(ticket):
                return Done.CONTENT_LOST
            again = {"generation": ticket.generation + 1, "redriven_at": now}
            self._put(encode(ticket.model_copy(update=again)))
            self._note_in_row(letter, State.DEFERRED, now)
        self._letters.remove(mail_id)
        return Done.DONE

    def _discard(self, mail_id: str, now: datetime) -> Done:
        letter = self._letters.find(mail_id)
        if letter is None:
            return Done.NO_SUCH_LETTER
        self._note_in_row(letter, State.DISCARDED, now)
        self._letters.remove(mail_id)
        return Done.DONE

    def _put(self, message: str) -> None:
        self.storage.outbound.send_message(message, time_to_live=FOREVER)

    def _put_content(self, ticket: Ticket) -> bool:
        """Whether the content is where the ticket says."""
        if ticket.content.blob is None:
            return True
        pieces = self._letters.pieces_of(ticket.id)
        if pieces is None:
            return False
        self.storage.mail.upload_blob(
            ticket.content.blob,
            pieces,
            overwrite=True,
            content_settings=ContentSettings(content_type="message/rfc822"),
        )
        return True

    def _note_in_row(self, letter: DeadLetter, state: State, now: datetime) -> None:
        """Have the row say so, unless a worker has moved on already."""
        ledger = Ledger(self.storage.deliveries)
        try:
            row = ledger.find(letter.id)
        except ValueError:  # the id of a queue message that was no ticket
            return
        if row is None or row.state is not State.DEAD:
            return
        code = _DISCARDED if state is State.DISCARDED else _REDRIVEN
        words = "let the mail go" if state is State.DISCARDED else "put the mail back"
        changed = row.concluded(state, now, code=code, reason=f"{self.who} {words}.")
        with suppress(ClaimLost):
            ledger.record(changed)
