"""What of a mail is still to be sent, and by whom, given its row. Pure.

A doubt comes first, and keeps its identity and its recipients: whoever may have sent the mail has
to say so, or send it again, before anybody else is asked.
"""

from datetime import datetime

from function_app.mime.addresses import normal
from handoff.ledger import Delivery
from handoff.marks import IN_DOUBT, OPEN, each_as_first, with_mark
from handoff.routing import Leg, Past, Routes
from handoff.ticket import Ticket


def paths_of(ticket: Ticket) -> tuple[str, ...]:
    """The forward paths in their order, all spellings of one as the first."""
    return each_as_first(ticket.envelope.forward_paths, normal)


def open_paths(ticket: Ticket, marks: str) -> tuple[str, ...]:
    """Whose fate is open, each once."""
    return tuple(dict.fromkeys(with_mark(marks, paths_of(ticket), OPEN, IN_DOUBT)))


def past_of(ticket: Ticket, row: Delivery, now: datetime, *, has_waited: bool) -> Past:
    return Past(
        age=now - (ticket.redriven_at or ticket.received_at),
        has_waited=has_waited,
        may_change=not row.is_bound,
        fell_back=row.fell_back,
    )


def legs_of(ticket: Ticket, row: Delivery, past: Past, routes: Routes) -> tuple[Leg, ...]:
    """The legs of an attempt, in their order."""
    paths = open_paths(ticket, row.marks)
    if not paths:
        return ()
    if row.unsure_since is None and not row.draft_id:
        return routes.legs(ticket, paths, past)
    doubted = tuple(dict.fromkeys(with_mark(row.marks, paths_of(ticket), IN_DOUBT))) or paths
    first = Leg(row.identity or routes.legs(ticket, paths, Past())[0].identity, doubted)
    others = tuple(path for path in paths if path not in doubted)
    return (first, *routes.legs(ticket, others, past))
