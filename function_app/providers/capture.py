"""Keep mail instead of sending it: for a staging site that must bother nobody."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from azure.core.exceptions import AzureError

from function_app.compose import Form, Letter
from function_app.outcome import Deferred, Found, NotSent, Outcome, Sent, WasSent
from handoff.captured import Captured, CapturedMails
from handoff.findings import Finding


@dataclass(frozen=True)
class CaptureProvider:
    """Writes into the container `captured`."""

    identity: str
    mails: CapturedMails = field(repr=False)

    form = Form(header_is_envelope=False)

    def send(
        self, letter: Letter, note_draft: Callable[[str], None], draft_id: str = ""
    ) -> Outcome:
        try:
            return Sent("capture", self.mails.keep(self._captured(letter), letter.pieces()))
        except AzureError as fault:
            return _deferred(fault)

    def look(self, letter: Letter, draft_id: str, since: datetime) -> Found | Deferred:
        try:
            is_there = self.mails.has(self._captured(letter))
        except AzureError as fault:
            return _deferred(fault)
        return WasSent("capture") if is_there else NotSent()

    def probe(self, mailbox: str, probe_id: str) -> Iterator[Finding]:
        try:
            self.mails.is_reachable()
        except AzureError as fault:
            outcome = _deferred(fault)
            yield Finding("G02", "container", "fail", outcome.reason, outcome.code)
        else:
            text = "Mail is kept in the container captured, and not sent."
            yield Finding("G02", "container", "ok", text)

    def _captured(self, letter: Letter) -> Captured:
        return Captured(
            letter.id, self.identity, letter.mailbox, letter.reverse_path, letter.forward_paths
        )


def _deferred(fault: AzureError) -> Deferred:
    code = getattr(fault, "error_code", None) or type(fault).__name__
    return Deferred(
        f"storage-{code}",
        "The mail cannot be kept in the container captured. Give the function app the role "
        "Storage Blob Data Contributor on the mail storage account.",
    )
