"""From the fates of single recipients to the verdict on the whole mail. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from function_app.legs import open_paths, paths_of
from function_app.outcome import Deferred, Outcome, Rejected, Sent
from handoff.ledger import Delivery
from handoff.marks import REFUSED, with_mark
from handoff.ticket import Ticket

SOME_REFUSED = "some-refused"
_LONGEST = 900


def refusals(known: str, outcomes: Mapping[str, Outcome]) -> str:
    """`known` and who was refused in `outcomes`, as long as a row takes."""
    new = [
        f"{path}: {one.code}, {one.reason}"
        for path, one in outcomes.items()
        if isinstance(one, Rejected)
    ]
    return " ".join(filter(None, [known, *new]))[:_LONGEST]


def sum_up(ticket: Ticket, row: Delivery, fates: Mapping[str, Outcome]) -> Outcome:
    """Of a mail whose recipients have met with `fates`, as far as they were tried."""
    if not row.marks:  # one leg, and one outcome for all
        return next(iter(fates.values()))
    waiting = [fates[path] for path in open_paths(ticket, row.marks) if path in fates]
    if waiting:
        return _deferred([one for one in waiting if isinstance(one, Deferred)])
    refused = with_mark(row.marks, paths_of(ticket), REFUSED)
    if not refused:
        return Sent(row.provider, row.request_id)
    everybody = len(ticket.envelope.forward_paths)
    return Rejected(
        SOME_REFUSED,
        f"{len(refused)} of {everybody} recipients were refused, and only they did not get the "
        f"mail. {row.refused}",
    )


def _deferred(several: Sequence[Deferred]) -> Deferred:
    first = several[0]
    waits = [one.after or timedelta(0) for one in several]
    return replace(
        first,
        after=min(waits) or None,
        unsure=any(one.unsure for one in several),
        is_configuration=all(one.is_configuration for one in several),
    )
