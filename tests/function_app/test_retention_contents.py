"""Dead letters go when that is wished, octets when no mail needs them; the day before they stay."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from function_app.deliver import deliver
from function_app.means import LEASE
from handoff.audit import noted
from handoff.delivery import Delivery, State
from handoff.ids import blob_name_of, new_id
from tests.function_app.desk import Desk, ScriptedProvider
from tests.function_app.keeping import DAY, KEEP, SECOND, a_round, a_row, died, letters_of

SHORT = replace(KEEP, dead_letters=10 * DAY)


def test_dead_letters_are_kept_until_somebody_acts(desk: Desk) -> None:
    died(desk)
    desk.now += 1000 * DAY

    assert 0 == a_round(desk).dead_letters
    assert 2 == len(letters_of(desk))


def test_dead_letters_go_after_the_time_that_was_set(desk: Desk) -> None:
    ticket = died(desk)
    (kept_at,) = [letter.kept_at for letter in desk.dead_letters.labels()]
    desk.now = kept_at + 10 * DAY

    assert 0 == a_round(desk, SHORT).dead_letters

    desk.now += SECOND

    assert 1 == a_round(desk, SHORT).dead_letters
    assert [] == letters_of(desk)
    assert (State.DISCARDED, "RELAY_KEEP_DEAD_LETTERS let the mail go.") == (
        desk.row(ticket).state,
        desk.row(ticket).reason,
    )
    assert [("RELAY_KEEP_DEAD_LETTERS", "discard", (ticket.id,))] == [
        (row.who, row.action, row.mails) for row in noted(desk.storage.status)
    ]


WAITS_AGAIN: dict[str, Any] = {"state": State.DEFERRED}
IN_DOUBT: dict[str, Any] = {"unsure_since": datetime(2026, 11, 21, tzinfo=UTC)}


@pytest.mark.parametrize("changes", [WAITS_AGAIN, IN_DOUBT], ids=["waits again", "in doubt"])
def test_a_dead_letter_of_mail_that_is_not_over_stays(desk: Desk, changes: dict[str, Any]) -> None:
    ticket = died(desk)
    desk.ledger.record(replace(desk.row(ticket), **changes))
    desk.now += 20 * DAY

    assert 0 == a_round(desk, SHORT).dead_letters
    assert 2 == len(letters_of(desk))


def test_a_queue_message_that_was_no_ticket_goes_like_any_dead_letter(desk: Desk) -> None:
    deliver(desk.queued("no ticket"), desk.means(ScriptedProvider()))
    desk.now += 11 * DAY

    assert 1 == a_round(desk, SHORT).dead_letters
    assert [] == letters_of(desk)


def test_half_a_dead_letter_goes_when_no_mail_needs_it(desk: Desk) -> None:
    ended, waiting = a_row(desk), a_row(desk, State.DEFERRED)
    whole = died(desk)
    for row in (ended, waiting):
        desk.ledger.record(row)
        desk.storage.dead_letters.upload_blob(f"{row.id}.eml", b"x")
    desk.now += KEEP.content - timedelta(minutes=1)
    a_round(desk)

    assert 4 == len(letters_of(desk))

    desk.now += timedelta(minutes=2)
    a_round(desk)

    assert {f"{waiting.id}.eml", f"{whole.id}.eml", f"{whole.id}.json"} == set(letters_of(desk))


def test_content_goes_when_no_mail_needs_it(desk: Desk) -> None:
    orphan, ended, waiting = (desk.a_ticket_with_blob() for _ in range(3))
    for ticket, state in ((ended, State.SENT), (waiting, State.DEFERRED)):
        row = Delivery.opened(ticket, "message", desk.now, LEASE).concluded(state, desk.now)
        desk.ledger.record(row)
    desk.now += KEEP.content - timedelta(minutes=1)

    assert 0 == a_round(desk).contents

    desk.now += timedelta(minutes=2)

    assert 2 == a_round(desk).contents
    assert [False, False, True] == [desk.has_content(one) for one in (orphan, ended, waiting)]


@pytest.mark.parametrize("queue", ["outbound", "poison"])
def test_content_stays_while_any_ticket_waits(desk: Desk, queue: str) -> None:
    ticket = desk.a_ticket_with_blob()
    messages = getattr(desk.storage, queue)
    messages.send_message("ticket", time_to_live=-1)
    messages.receive_message(visibility_timeout=600)  # hidden, as a deferred mail's is
    desk.now += 10 * KEEP.content

    assert 0 == a_round(desk).contents
    assert desk.has_content(ticket)


def test_content_that_was_put_anew_stays(desk: Desk) -> None:
    old = new_id(desk.now - 10 * KEEP.content)
    desk.storage.mail.upload_blob(blob_name_of(old), b"x")

    assert 0 == a_round(desk).contents
