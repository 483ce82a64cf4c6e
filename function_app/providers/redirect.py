"""Send everything to one address, through another provider: for a staging site."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from function_app.compose import Form, Letter
from function_app.mime.addresses import written
from function_app.mime.body import TELLS_RECIPIENTS
from function_app.mime.fields import Field, a_field, a_list_field, renamed
from function_app.outcome import Deferred, Divided, Found, Outcome, Sent
from function_app.providers import Provider
from handoff.findings import Finding

_MOST_NAMED = 100


@dataclass(frozen=True)
class RedirectProvider:
    """Nobody but `to` gets anything."""

    provider: Provider
    to: str

    @property
    def form(self) -> Form:
        # To and Cc are to be seen as they were; here they are made harmless.
        return replace(self.provider.form, header_is_envelope=False)

    def send(
        self, letter: Letter, note_draft: Callable[[str], None], draft_id: str = ""
    ) -> Outcome:
        outcome = self.provider.send(self._redirected(letter), note_draft, draft_id)
        if isinstance(outcome, Divided):
            (outcome,) = outcome.outcomes.values()
        if isinstance(outcome, Sent):
            return replace(outcome, provider=f"{outcome.provider} (redirected)")
        return outcome

    def look(self, letter: Letter, draft_id: str, since: datetime) -> Found | Deferred:
        return self.provider.look(self._redirected(letter), draft_id, since)

    def probe(self, mailbox: str, probe_id: str) -> Iterator[Finding]:
        return self.provider.probe(mailbox, probe_id)

    def _redirected(self, letter: Letter) -> Letter:
        return replace(
            letter,
            forward_paths=(self.to,),
            fields=(
                *(_harmless(field) for field in letter.fields),
                a_list_field("To", [written(self.to)]),
                a_field("X-Relay-Recipients", _named(letter.forward_paths)),
            ),
        )


def _harmless(field: Field) -> Field:
    if field.name in ("to", "cc", *TELLS_RECIPIENTS):
        return renamed(field, f"X-Original-{field.name.title()}")
    return field


def _named(forward_paths: tuple[str, ...]) -> str:
    more = len(forward_paths) - _MOST_NAMED
    named = ", ".join(forward_paths[:_MOST_NAMED])
    return f"{named} and {more} more" if more > 0 else named
