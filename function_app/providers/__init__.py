"""Who takes the mail from the relay. The only rooms that speak to a provider over the network."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Protocol

from function_app.compose import Form, Letter
from function_app.outcome import Deferred, Divided, Found, Outcome
from handoff.findings import Finding


class Provider(Protocol):
    """One way to send, by one identity. Safe to share between threads.

    Whatever goes wrong on the way is an outcome, not an exception.
    """

    @property
    def form(self) -> Form:
        """In what form it takes a letter."""
        ...

    def send(
        self, letter: Letter, note_draft: Callable[[str], None], draft_id: str = ""
    ) -> Outcome | Divided:
        """Try once.

        `note_draft` gets the id of a draft that is complete, before it is sent; its faults pass
        through. `draft_id` is what an earlier attempt noted: that draft goes, not a second one.
        "" is noted when it is gone.
        """
        ...

    def look(self, letter: Letter, draft_id: str, since: datetime) -> Found | Deferred:
        """Whether an attempt at `letter`, made at or after `since`, has sent it."""
        ...

    def probe(self, mailbox: str, probe_id: str) -> Iterator[Finding]:
        """Sign in for real, and find out without sending whether `mailbox` could send.

        Faults are findings, whose sentences say how to mend them.
        """
        ...
