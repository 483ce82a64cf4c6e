"""One attempt at a mail: its legs, one after the other.

Most mails have one. Where there are several, or a provider has taken a mail for some of its
recipients only, the row gets a mark for each recipient as soon as that is a fact: so nobody gets
a mail twice because somebody else has not got it yet.
"""

import time
from collections import deque
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import timedelta

from function_app.compose import Letter, Uncomposable, compose
from function_app.doubt import settle
from function_app.facts import record_fact
from function_app.legs import legs_of, open_paths, past_of, paths_of
from function_app.log import log
from function_app.means import Means, Trial
from function_app.outcome import (
    TOO_MANY,
    CannotLook,
    Deferred,
    Divided,
    NotSent,
    Outcome,
    Rejected,
    Sent,
)
from function_app.pacing.turns import Turn
from function_app.providers import Provider
from function_app.sum_up import refusals, sum_up
from handoff.content import ContentLost, NoRoom, open_content
from handoff.ledger import Delivery
from handoff.marks import IN_DOUBT, OPEN, REFUSED, SENT, marked
from handoff.octets import Octets
from handoff.routing import Leg
from handoff.ticket import Ticket

_LAST_START_SECONDS = 50
"""No leg begins later: a leg may take four minutes, and the host ends a run after five."""
_NOT_YET = Deferred(
    "next-turn", "The turn of these recipients has not come yet.", after=timedelta(seconds=1)
)


def attempt(
    ticket: Ticket, row: Delivery, means: Means, turns: Mapping[str, Turn], *, has_waited: bool
) -> Trial:
    """Try once to send the mail of `ticket`, which `row` has claimed, in the turns taken."""
    with ExitStack() as held:
        try:
            octets = held.enter_context(open_content(ticket.content, means.storage.mail))
        except ContentLost as loss:
            lost = Rejected("content-lost", f"The content of the mail is lost: {loss}.")
            return Trial(lost, row)
        except NoRoom as fault:
            return Trial(_no_room(fault), row)
        past = past_of(ticket, row, means.now(), has_waited=has_waited)
        legs = legs_of(ticket, row, past, means.routes)
        fell_back = any(
            leg.identity != means.routes.choice(ticket, leg.forward_paths[0]).identity
            for leg in legs
        )
        walk = _Walk(ticket, octets, replace(row, fell_back=fell_back), means, turns)
        return walk.along(legs)


@dataclass
class _Walk:
    """Along the legs of one mail. `row` is as it is in the ledger, or about to be."""

    ticket: Ticket
    octets: Octets
    row: Delivery
    means: Means
    turns: Mapping[str, Turn]
    began: float = field(default_factory=lambda: time.monotonic())  # a clock that is set later, too
    message_id: str = ""
    ends: list[tuple[str, Outcome]] = field(default_factory=list)
    """Each identity that was asked, and what came of it."""
    fates: dict[str, Outcome] = field(default_factory=dict)
    """The last of each recipient, by forward path."""

    def along(self, legs: tuple[Leg, ...]) -> Trial:
        left = deque(legs)
        while left:
            leg = left.popleft()
            outcome = self._outcome_of(leg)
            self._note(leg, outcome)
            if self.row.draft_id or self._is_in_doubt(outcome):
                break  # the others wait: a row remembers the doubt of one
            if (rest := _rest_to_follow(leg, outcome)) is not None:
                left.append(rest)
        seconds = time.monotonic() - self.began
        outcome = sum_up(self.ticket, self.row, self.fates)
        return Trial(outcome, self.row, self.message_id, seconds, tuple(self.ends))

    def _is_in_doubt(self, outcome: Outcome | Divided) -> bool:
        several = outcome.outcomes.values() if isinstance(outcome, Divided) else (outcome,)
        is_unsure = any(isinstance(one, Deferred) and one.unsure for one in several)
        return is_unsure or self.row.unsure_since is not None

    def _outcome_of(self, leg: Leg) -> Outcome | Divided:
        provider = self._provider_of(leg)
        if isinstance(provider, Deferred | Rejected):
            return provider
        turn = self.turns.get(leg.identity)
        if turn is None or time.monotonic() > self.began + _LAST_START_SECONDS:
            return _NOT_YET
        try:
            letter = compose(
                self.ticket, self.octets, self.means.now(), provider.form, leg.forward_paths
            )
        except Uncomposable as fault:
            return Rejected(fault.code, fault.reason)
        self.message_id = letter.message_id
        self._announce(leg)
        outcome = self._settled(letter, provider) or self._sent(letter, provider)
        turn.end(_most_telling(outcome))
        return outcome

    def _provider_of(self, leg: Leg) -> Provider | Deferred | Rejected:
        if self.ticket.send_as.sealed is not None:
            return self.means.guests.provider_of(self.ticket.send_as.sealed)
        return self.means.provider_of(leg.identity) or _unknown_identity(leg.identity)

    def _announce(self, leg: Leg) -> None:
        """Write down whose attempt it is, unless the row shows that already."""
        open_now = open_paths(self.ticket, self.row.marks)
        usual = self.row.identity or self.means.routes.choice(self.ticket, open_now[0]).identity
        is_whole = len(open_now) == len(leg.forward_paths)
        if is_whole and usual == leg.identity:
            self.row = replace(self.row, identity=leg.identity)
            return
        self.row = replace(self.row, identity=leg.identity)
        self._mark(leg.forward_paths, IN_DOUBT)
        self.row = self.means.ledger.record(self.row)

    def _settled(self, letter: Letter, provider: Provider) -> Outcome | None:
        """Look before a second copy goes out; None: send it."""
        row = self.row
        if row.unsure_since is None:
            return None
        found = provider.look(letter, row.draft_id, row.unsure_since)
        outcome = settle(found, row.looks, self.means.when_unsure)
        log("looked", id=letter.id, found=type(found).__name__, looks=row.looks + 1)
        if outcome is None:
            is_bound = row.is_bound or isinstance(found, CannotLook)
            self.row = replace(row.without_doubt(), is_bound=is_bound)
            return None
        # To look is no attempt: it must not make the next pause longer.
        looks = row.looks + isinstance(found, NotSent)
        self.row = replace(row, looks=looks, attempts=row.attempts - 1)
        return outcome

    def _sent(self, letter: Letter, provider: Provider) -> Outcome | Divided:
        def note_draft(draft_id: str) -> None:
            self.row = self.means.ledger.record(replace(self.row, draft_id=draft_id))

        return provider.send(letter, note_draft, self.row.draft_id)

    def _note(self, leg: Leg, outcome: Outcome | Divided) -> None:
        self.ends.append((leg.identity, _most_telling(outcome)))
        outcomes = (
            outcome.outcomes
            if isinstance(outcome, Divided)
            else dict.fromkeys(leg.forward_paths, outcome)
        )
        self.fates.update(outcomes)
        is_whole = leg.forward_paths == open_paths(self.ticket, "")
        if is_whole and not self.row.marks and not isinstance(outcome, Divided):
            return  # the state of the row says all of it
        is_in_doubt = bool(self.row.draft_id or self.row.unsure_since)
        for path, one in outcomes.items():
            self._mark((path,), _mark_of(one, is_in_doubt))
        if not any(isinstance(one, Deferred) for one in outcomes.values()):
            self.row = replace(self.row.without_doubt(), draft_id="")
        self.row = replace(self.row, refused=refusals(self.row.refused, outcomes))
        sent = next((one for one in outcomes.values() if isinstance(one, Sent)), None)
        if sent is not None:
            self._note_sent(sent)

    def _note_sent(self, sent: Sent) -> None:
        providers = dict.fromkeys([*filter(None, self.row.provider.split(", ")), sent.provider])
        row = replace(self.row, provider=", ".join(providers), request_id=sent.request_id)
        self.row = record_fact(row, self.means.ledger)

    def _mark(self, paths: tuple[str, ...], mark: str) -> None:
        marks = marked(self.row.marks, paths_of(self.ticket), paths, mark)
        self.row = replace(self.row, marks=marks)


def _mark_of(outcome: Outcome, is_in_doubt: bool) -> str:
    match outcome:
        case Sent():
            return SENT
        case Rejected():
            return REFUSED
        case Deferred(unsure=unsure):
            return IN_DOUBT if unsure or is_in_doubt else OPEN


def _most_telling(outcome: Outcome | Divided) -> Outcome:
    """Of a provider that has divided the recipients, what shows best how it is."""
    if not isinstance(outcome, Divided):
        return outcome
    several = outcome.outcomes.values()
    return next((one for one in several if isinstance(one, Sent)), next(iter(several)))


def _rest_to_follow(leg: Leg, outcome: Outcome | Divided) -> Leg | None:
    """Those who were too many for one transaction, when that has gone well for the others."""
    if not isinstance(outcome, Divided) or not isinstance(_most_telling(outcome), Sent):
        return None
    rest = tuple(
        path
        for path, one in outcome.outcomes.items()
        if isinstance(one, Deferred) and one.code == TOO_MANY
    )
    return Leg(leg.identity, rest) if rest else None


def _no_room(fault: NoRoom) -> Deferred:
    return Deferred(
        "no-room",
        f"The function app cannot write the mail to a temporary file: {fault}. It waits until "
        "others have gone; if that does not help, let fewer run at once (batchSize in host.json).",
    )


def _unknown_identity(name: str) -> Rejected:
    return Rejected(
        "unknown-identity",
        f'The function app knows no sending identity "{name}". Set '
        f"IDENTITY__{name.upper()}__PROVIDER and its other settings, then redrive the mail.",
    )
