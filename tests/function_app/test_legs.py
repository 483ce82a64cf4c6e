"""Mails whose recipients meet with different fates: nobody gets two, and nobody is forgotten."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from azure.core.exceptions import ServiceResponseError

from function_app.compose import Form, Letter
from function_app.deliver import deliver
from function_app.means import Means
from function_app.outcome import CannotLook, Deferred, Divided, NotSent, Outcome, Rejected, Sent
from handoff.findings import Finding
from handoff.ledger import State
from handoff.routing import Fallback, Route, Routes
from handoff.ticket import Ticket, decode
from tests.function_app.desk import Desk, ScriptedProvider

ANN, BOB, CAROL = "ann@contoso.com", "bob@x.org", "carol@x.org"
ALL = (ANN, BOB, CAROL)
BUSY = Deferred("busy", "It is busy.")
LOST = Deferred("no-answer", "The answer is lost.", unsure=True)
NO = Rejected("smtp-550", "There is no such mailbox.")
MANY = Deferred("too-many-recipients", "No more.")
YES = Sent("smarthost", "4F1")
TWO_WAYS = Routes((Route("1", "smarthost", recipient_domains=("x.org",)),))
BACKED = Routes(fallbacks={"default": Fallback("smarthost", timedelta(minutes=30))})


@dataclass
class Dividing:
    """A smarthost that answers `fates` one by one, by recipient; then it takes all."""

    fates: list[dict[str, Outcome] | Outcome]
    letters: list[Letter] = field(default_factory=list)
    form: Form = field(default_factory=lambda: Form(header_is_envelope=False))

    def send(
        self, letter: Letter, note_draft: Callable[[str], None], draft_id: str = ""
    ) -> Outcome | Divided:
        self.letters.append(letter)
        fate = self.fates.pop(0) if self.fates else YES
        if not isinstance(fate, dict):
            return fate
        return Divided({path: fate.get(path, YES) for path in letter.forward_paths})

    def look(self, letter: Letter, draft_id: str, since: object) -> CannotLook:
        return CannotLook("A smarthost cannot tell.")

    def probe(self, mailbox: str, probe_id: str) -> Iterator[Finding]:
        return iter(())

    @property
    def asked(self) -> list[tuple[str, ...]]:
        return [letter.forward_paths for letter in self.letters]


def means_of(
    desk: Desk, graph: ScriptedProvider, smarthost: Dividing, routes: Routes, **changes: object
) -> Means:
    providers = {"default": graph, "smarthost": smarthost}
    return desk.means(graph, provider_of=providers.get, routes=routes, **changes)


def deliver_again(desk: Desk, means: Means, ticket: Ticket) -> None:
    """As a message that has come back."""
    deliver(replace(desk.queued(ticket), dequeue_count=2), means)


def asked(graph: ScriptedProvider) -> list[tuple[str, ...]]:
    return [letter.forward_paths for letter in graph.letters]


def test_one_mail_goes_two_ways_and_names_in_each_header_whom_it_may(desk: Desk) -> None:
    graph, smarthost = ScriptedProvider(), Dividing([])
    ticket = desk.a_ticket(to=ALL)

    deliver(desk.queued(ticket), means_of(desk, graph, smarthost, TWO_WAYS))

    row = desk.row(ticket)
    assert [(ANN,)] == asked(graph)
    assert [(BOB, CAROL)] == smarthost.asked
    assert (State.SENT, "scripted, smarthost") == (row.state, row.provider)
    assert b"x.org" not in graph.letters[0].mime()


def test_who_has_the_mail_is_not_asked_again(desk: Desk) -> None:
    graph, smarthost = ScriptedProvider(), Dividing([BUSY])
    ticket = desk.a_ticket(to=ALL)
    means = means_of(desk, graph, smarthost, TWO_WAYS)

    deliver(desk.queued(ticket), means)
    assert (State.DEFERRED, "busy") == (desk.row(ticket).state, desk.row(ticket).code)
    deliver_again(desk, means, ticket)

    assert [(ANN,)] == asked(graph)
    assert [(BOB, CAROL)] * 2 == smarthost.asked
    assert State.SENT is desk.row(ticket).state


def test_a_way_that_defers_does_not_hold_up_the_other(desk: Desk) -> None:
    graph, smarthost = ScriptedProvider([BUSY]), Dividing([])
    ticket = desk.a_ticket(to=ALL)
    means = means_of(desk, graph, smarthost, TWO_WAYS)

    deliver(desk.queued(ticket), means)
    deliver_again(desk, means, ticket)

    assert [(ANN,)] * 2 == asked(graph)
    assert [(BOB, CAROL)] == smarthost.asked
    assert State.SENT is desk.row(ticket).state


def test_of_one_smarthost_each_recipient_gets_what_he_was_told(desk: Desk) -> None:
    smarthost = Dividing([{ANN: YES, BOB: BUSY, CAROL: NO}, {BOB: BUSY}, YES])
    ticket = desk.a_ticket_with_blob(to=ALL, identity="smarthost")
    means = means_of(desk, ScriptedProvider(), smarthost, Routes())

    for _ in range(3):
        deliver_again(desk, means, ticket)

    row, letter = desk.row(ticket), desk.dead_letters.find(ticket.id)
    assert [ALL, (BOB,), (BOB,)] == smarthost.asked
    assert (State.DEAD, "some-refused", "ssx") == (row.state, row.code, row.marks)
    assert "1 of 3" in row.reason
    assert "carol@x.org: smtp-550" in row.reason
    assert letter is not None
    assert (CAROL,) == decode(letter.ticket).envelope.forward_paths


def test_a_mail_put_back_goes_to_those_who_did_not_get_it(desk: Desk) -> None:
    smarthost = Dividing([{CAROL: NO}])
    ticket = desk.a_ticket(to=ALL, identity="smarthost")
    means = means_of(desk, ScriptedProvider(), smarthost, Routes())
    deliver(desk.queued(ticket), means)
    letter = desk.dead_letters.find(ticket.id)
    assert letter is not None

    again = decode(letter.ticket).model_copy(update={"generation": 1})
    deliver(desk.queued(again), means)

    row = desk.row(ticket)
    assert [ALL, (CAROL,)] == smarthost.asked
    assert (State.SENT, (CAROL,), "") == (row.state, row.recipients, row.refused)


def test_who_waited_too_long_is_dead_and_who_has_it_is_not_in_the_dead_letter(desk: Desk) -> None:
    smarthost = Dividing([{BOB: BUSY}])
    ticket = desk.a_ticket(to=(ANN, BOB), identity="smarthost")
    means = means_of(desk, ScriptedProvider(), smarthost, Routes(), give_up_after=timedelta(0))

    deliver(desk.queued(ticket), means)

    letter = desk.dead_letters.find(ticket.id)
    assert letter is not None
    assert ("gave-up", (BOB,)) == (letter.code, decode(letter.ticket).envelope.forward_paths)


def test_those_who_were_too_many_follow_at_once(desk: Desk) -> None:
    smarthost = Dividing([{CAROL: MANY, BOB: MANY}, {CAROL: MANY}])
    ticket = desk.a_ticket(to=ALL, identity="smarthost")

    deliver(desk.queued(ticket), means_of(desk, ScriptedProvider(), smarthost, Routes()))

    assert [ALL, (BOB, CAROL), (CAROL,)] == smarthost.asked
    assert (State.SENT, 1) == (desk.row(ticket).state, desk.row(ticket).attempts)


def test_a_crash_after_one_way_sends_nothing_twice(desk: Desk) -> None:
    graph = ScriptedProvider()
    ticket = desk.a_ticket(to=ALL)

    class Deadly(Dividing):
        def send(self, *_: object, **__: object) -> Outcome:
            raise KeyboardInterrupt

    message = desk.queued(ticket)
    with pytest.raises(KeyboardInterrupt):
        deliver(message, means_of(desk, graph, Deadly([]), TWO_WAYS))
    assert State.SENDING is desk.row(ticket).state
    smarthost = Dividing([])
    deliver(replace(message, dequeue_count=2), means_of(desk, graph, smarthost, TWO_WAYS))

    assert [(ANN,)] == asked(graph)
    assert [(BOB, CAROL)] == smarthost.asked
    assert State.SENT is desk.row(ticket).state


def test_a_doubt_about_one_way_is_asked_of_that_way_before_the_other_goes(desk: Desk) -> None:
    graph, smarthost = ScriptedProvider([LOST], found=[NotSent()] * 3), Dividing([])
    ticket = desk.a_ticket(to=ALL)
    means = means_of(desk, graph, smarthost, TWO_WAYS)

    deliver(desk.queued(ticket), means)
    assert [] == smarthost.asked
    for _ in range(3):
        deliver_again(desk, means, ticket)

    assert 3 == len(graph.sought)
    assert [(ANN,)] * 2 == asked(graph)
    assert [(BOB, CAROL)] == smarthost.asked
    assert State.SENT is desk.row(ticket).state


def test_a_doubt_about_some_recipients_holds_only_those(desk: Desk) -> None:
    smarthost = Dividing([{ANN: LOST, BOB: BUSY, CAROL: LOST}])
    ticket = desk.a_ticket(to=ALL, identity="smarthost")
    means = means_of(desk, ScriptedProvider(), smarthost, Routes(), when_unsure="hold")

    deliver(desk.queued(ticket), means)
    deliver_again(desk, means, ticket)

    letter = desk.dead_letters.find(ticket.id)
    assert [ALL, (BOB,)] == smarthost.asked
    assert (State.DEAD, "xsx") == (desk.row(ticket).state, desk.row(ticket).marks)
    assert letter is not None
    assert (ANN, CAROL) == decode(letter.ticket).envelope.forward_paths


def test_the_fallback_sends_when_the_first_has_not_for_long(desk: Desk) -> None:
    graph, smarthost = ScriptedProvider([BUSY]), Dividing([])
    ticket = desk.a_ticket()
    means = means_of(desk, graph, smarthost, BACKED)

    deliver(desk.queued(ticket), means)
    desk.now += timedelta(minutes=31)
    deliver_again(desk, means, ticket)

    row = desk.row(ticket)
    assert [(ANN,)] == smarthost.asked
    assert (State.SENT, "smarthost", "smarthost") == (row.state, row.provider, row.identity)


def test_the_first_and_the_fallback_take_turns(desk: Desk) -> None:
    graph, smarthost = ScriptedProvider([BUSY, BUSY]), Dividing([BUSY])
    ticket = desk.a_ticket()
    means = means_of(desk, graph, smarthost, BACKED)
    deliver(desk.queued(ticket), means)
    desk.now += timedelta(minutes=31)

    for _ in range(3):
        deliver_again(desk, means, ticket)

    assert (2, 2) == (len(graph.letters), len(smarthost.letters))


def test_after_an_ambiguous_send_nobody_else_sends(desk: Desk) -> None:
    graph, smarthost = ScriptedProvider([LOST, BUSY, BUSY]), Dividing([])
    ticket = desk.a_ticket()
    means = means_of(desk, graph, smarthost, BACKED)
    deliver(desk.queued(ticket), means)
    desk.now += timedelta(hours=1)

    for _ in range(3):
        deliver_again(desk, means, ticket)

    assert 4 == len(graph.letters)
    assert [] == smarthost.asked
    assert State.SENT is desk.row(ticket).state


def test_a_mail_that_was_looked_for_and_not_found_may_go_by_the_fallback(desk: Desk) -> None:
    graph = ScriptedProvider([LOST, BUSY], found=[NotSent()] * 3)
    smarthost, ticket = Dividing([]), desk.a_ticket()
    means = means_of(desk, graph, smarthost, BACKED)
    deliver(desk.queued(ticket), means)
    desk.now += timedelta(hours=1)

    for _ in range(5):
        deliver_again(desk, means, ticket)

    assert [(ANN,)] == smarthost.asked


def test_a_ledger_that_fails_between_two_ways_is_written_all_the_same(desk: Desk) -> None:
    smarthost = Dividing([{BOB: BUSY}])
    ticket = desk.a_ticket(to=(ANN, BOB), identity="smarthost")
    means = means_of(desk, ScriptedProvider(), smarthost, Routes())
    deliveries, faults = desk.storage.deliveries, [1]
    update = deliveries.update_entity

    def faulty(*args: object, **kwargs: object) -> object:
        if faults and faults.pop():
            raise ServiceResponseError("lost")
        return update(*args, **kwargs)  # type: ignore[arg-type]

    deliveries.update_entity = faulty  # type: ignore[method-assign, assignment]
    deliver(desk.queued(ticket), means)
    deliver_again(desk, means, ticket)

    assert [] == faults
    assert [(ANN, BOB), (BOB,)] == smarthost.asked
    assert State.SENT is desk.row(ticket).state


def test_who_has_the_mail_is_known_before_the_dead_letter_is_kept(desk: Desk) -> None:
    smarthost = Dividing([{CAROL: NO}])
    ticket = desk.a_ticket(to=ALL, identity="smarthost")
    means = means_of(desk, ScriptedProvider(), smarthost, Routes())
    desk.storage.dead_letters.delete_container()
    deliver(desk.queued(ticket), means)
    assert State.SENDING is desk.row(ticket).state

    desk.storage.dead_letters.create_container()
    desk.now += timedelta(minutes=10)
    deliver_again(desk, means, ticket)

    assert [ALL] == smarthost.asked
    assert (State.DEAD, "ssx") == (desk.row(ticket).state, desk.row(ticket).marks)


def test_alarms_name_the_identity_that_sent(desk: Desk) -> None:
    denied = Deferred("no-starttls", "Switch it on.", is_configuration=True)
    ticket = desk.a_ticket(to=ALL)

    deliver(desk.queued(ticket), means_of(desk, ScriptedProvider(), Dividing([denied]), TWO_WAYS))

    rows = desk.storage.status.query_entities("PartitionKey eq 'alarm'")
    assert ["smarthost.no-starttls"] == [row["RowKey"].rpartition(".")[0] for row in rows]
