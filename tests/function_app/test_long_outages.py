"""Days of trouble in a moment: mails wait, are tried with growing pauses, and all go in the end."""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from function_app.backoff import LONGEST, SCATTER
from function_app.deliver import deliver
from function_app.means import Means
from function_app.sweep import sweep
from handoff.ledger import State
from handoff.ticket import Ticket
from local.graph_simulator.client import SimulatorClient
from tests.function_app.desk import BY_SECRET, Desk

MeansOf = Callable[..., Means]
HOUR = timedelta(hours=1)
DAY = 24 * HOUR
GIVE_UP_AFTER = 2 * DAY
LONGEST_PAUSE = LONGEST * (1 + SCATTER)
LOOKS = timedelta(minutes=2)
"""What it takes to look for a mail that may have been sent."""
ALWAYS = 1_000_000
EXPIRED = 7000222
OUTAGES: dict[str, dict[str, Any]] = {
    "credential expired": {"route": "token", "aadsts": EXPIRED, "status": 401},
    "Graph down": {"route": "sendMail", "status": 503},
}


@dataclass
class Days:
    """A queue in the time of the desk: a mail is tried when its row says that it is due."""

    desk: Desk
    means: Means
    due: list[tuple[datetime, str]] = field(default_factory=list)
    tickets: dict[str, tuple[Ticket, datetime]] = field(default_factory=dict)
    """Each with the moment at which the queue got it."""

    def arrives(self, **changes: Any) -> Ticket:
        mail = f"Message-ID: <{len(self.tickets)}@days.example>\r\n\r\nA mail.\r\n"
        ticket = self.desk.a_ticket(mail.encode(), **changes)
        self.tickets[ticket.id] = (ticket, self.desk.now)
        heapq.heappush(self.due, (self.desk.now, ticket.id))
        return ticket

    def pass_until(self, moment: datetime) -> None:
        """All that is due until then, and a sweep every three hours."""
        while self.desk.now < moment:
            until = min(moment, self.desk.now + 3 * HOUR)
            while self.due and self.due[0][0] <= until:
                self.desk.now, mail_id = heapq.heappop(self.due)
                self._try(mail_id)
            self.desk.now = until
            sweep(self.desk.storage, self.desk.now)

    def _try(self, mail_id: str) -> None:
        ticket, queued_at = self.tickets[mail_id]
        deliver(replace(self.desk.queued(ticket), inserted_at=queued_at), self.means)
        self.desk.storage.outbound.clear_messages()
        row = self.desk.row(ticket)
        if row.state is State.DEFERRED:
            assert row.next_attempt_at is not None
            heapq.heappush(self.due, (row.next_attempt_at, mail_id))


@pytest.fixture
def days(desk: Desk, graph: SimulatorClient, means_of: MeansOf) -> Days:
    means = means_of(ENTRA_AUTHORITY=graph.entra, **BY_SECRET)
    return Days(desk, replace(means, now=lambda: desk.now, give_up_after=GIVE_UP_AFTER))


@pytest.mark.parametrize("outage", OUTAGES.values(), ids=OUTAGES)
def test_a_day_of_it_delays_mails_and_costs_none(
    days: Days, graph: SimulatorClient, outage: dict[str, Any]
) -> None:
    began = days.desk.now
    graph.fail(outage | {"times": ALWAYS})
    tickets = []
    for hours in (0, 12, 23):
        days.pass_until(began + hours * HOUR)
        tickets.append(days.arrives())
    days.pass_until(began + DAY)

    assert [State.DEFERRED] * 3 == [days.desk.row(ticket).state for ticket in tickets]
    assert 0 == len(graph.mails())

    graph.fail()
    days.pass_until(began + DAY + LONGEST_PAUSE + LOOKS)
    rows = [days.desk.row(ticket) for ticket in tickets]

    assert [(State.SENT, "")] * 3 == [(row.state, row.code) for row in rows]
    assert {row.message_id for row in rows} == {mail.message_id for mail in graph.mails()}
    assert 3 == len(graph.mails())
    assert 20 < rows[0].attempts < 45


def test_who_waits_too_long_is_a_dead_letter_that_says_why(
    days: Days, graph: SimulatorClient
) -> None:
    began = days.desk.now
    graph.fail(OUTAGES["credential expired"] | {"times": ALWAYS})
    ticket = days.arrives()
    days.pass_until(began + GIVE_UP_AFTER - HOUR)

    assert State.DEFERRED is days.desk.row(ticket).state

    days.pass_until(began + GIVE_UP_AFTER + LONGEST_PAUSE)
    letter = days.desk.dead_letters.find(ticket.id)

    assert letter is not None
    assert "gave-up" == letter.code
    assert f"AADSTS{EXPIRED}" in letter.reason


@pytest.mark.parametrize("wrong", [-4 * DAY, 4 * DAY], ids=["behind", "ahead"])
def test_what_an_edge_says_of_the_time_neither_kills_a_mail_nor_keeps_it(
    days: Days, graph: SimulatorClient, wrong: timedelta
) -> None:
    """Its clock is wrong, or the mail waited there for days until the queue was in reach."""
    began = days.desk.now
    graph.fail({"route": "sendMail", "status": 503, "times": ALWAYS})
    ticket = days.arrives(received_at=began + wrong)
    days.pass_until(began + HOUR)
    waits = days.desk.row(ticket).state
    days.pass_until(began + GIVE_UP_AFTER + LONGEST_PAUSE)

    assert State.DEFERRED is waits
    assert State.DEAD is days.desk.row(ticket).state
