"""Many dead mails at once, and rounds that meet or fail: few notices, and none too few."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from azure.core.exceptions import ResourceNotFoundError

from function_app.mime.addresses import normal
from function_app.notices import board
from function_app.notices.board import Notice
from function_app.notices.lease import LEASE, round_lease
from function_app.notices.quota import MOST_SINGLE
from function_app.notices.settings import Endpoint
from function_app.notices.tell import tell
from handoff.dead_letters import DeadLetter, DeadLetters
from handoff.ids import new_id
from handoff.ledger import Delivery, State
from handoff.ticket import encode
from tests.function_app.deaths import (
    OPERATOR,
    SENDER,
    SETTINGS,
    addressees,
    dies,
    octets_of,
    round_,
    rows,
)
from tests.function_app.desk import Desk
from tests.function_app.hook import Hook


def many_die(desk: Desk, count: int) -> list[str]:
    """The ids of mails that died, as if that had taken its usual way."""
    ids = [new_id(desk.now + timedelta(milliseconds=number)) for number in range(count)]

    def die(mail_id: str) -> None:
        ticket = desk.a_ticket(id=mail_id, device=f"scanner-{ord(mail_id[-1]) % 4}")
        row = Delivery.opened(ticket, "x", desk.now, timedelta(minutes=6))
        row = row.concluded(State.DEAD, desk.now, code="gave-up", reason="It was late.")
        letter = DeadLetter(mail_id, row.code, row.reason, desk.now, encode(ticket), row.history)
        DeadLetters(desk.storage.dead_letters).keep(letter, None)
        board.post(Notice(mail_id), desk.storage, desk.now)
        desk.ledger.record(row)

    with ThreadPoolExecutor(8) as several:
        list(several.map(die, ids))
    return ids


def test_a_thousand_dead_mails_make_few_notices(desk: Desk, hook: Hook) -> None:
    settings = replace(SETTINGS, webhook=Endpoint(hook.url))
    many_die(desk, 1_000)

    rounds = [Counter(addressees(round_(desk, settings))) for _ in range(5)]

    assert Counter({SENDER: MOST_SINGLE + 1, OPERATOR: MOST_SINGLE + 1}) == rounds[0]
    assert [Counter({SENDER: 1, OPERATOR: 1})] * 3 == rounds[1:4]
    assert Counter() == rounds[4]
    assert 0 == rows(desk) + rows(desk, "notice-event")
    assert MOST_SINGLE == sum(kind == "dead" for kind, _ in hook.events)
    counted = sum(int(count) for kind, count in hook.events if kind == "digest")
    assert 1_000 - MOST_SINGLE == counted
    assert MOST_SINGLE + 4 == len(hook.events)


def test_a_digest_counts_and_names_the_first(desk: Desk) -> None:
    ids = many_die(desk, 20)

    found = round_(desk)

    assert 2 * (MOST_SINGLE + 1) == len(found)
    digest = next(t for t in found if b"too fast" in octets_of(desk, t) and SENDER in str(t))
    text = octets_of(desk, digest).decode()
    assert "Subject: 15 notices: 15 dead mails; most often gave-up." in text
    assert "  gave-up  15" in text
    assert "  scanner-" in text
    assert [True] * 10 + [False] * 5 == [id_ in text for id_ in sorted(ids)[MOST_SINGLE:]]


def test_after_an_hour_there_are_single_notices_again(desk: Desk) -> None:
    many_die(desk, 6)
    round_(desk)
    desk.now += timedelta(minutes=61)

    many_die(desk, 3)

    assert 2 * 3 == len(round_(desk))


def test_one_addressee_in_two_spellings_has_one_quota(desk: Desk) -> None:
    for number in range(8):
        dies(desk, desk.a_ticket(sender="SCAN@contoso.com" if number % 2 else SENDER))

    found = Counter(map(normal, addressees(round_(desk))))

    assert MOST_SINGLE + 1 == found[SENDER]


def test_events_are_posted_though_no_mail_can_be_queued(desk: Desk, hook: Hook) -> None:
    settings = replace(SETTINGS, webhook=Endpoint(hook.url))
    first = dies(desk)
    round_(desk, replace(settings, webhook=Endpoint()))
    second = dies(desk)
    desk.storage.outbound.delete_queue()

    with pytest.raises(ResourceNotFoundError):
        tell(desk.storage, settings, desk.now)

    assert [("dead", first.id)] == hook.events
    desk.storage.outbound.create_queue()
    assert 2 == len(round_(desk, settings))
    assert [("dead", first.id), ("dead", second.id)] == hook.events


def test_of_many_rows_some_may_be_gone(desk: Desk) -> None:
    notices = [Notice(f"mail-{number}") for number in range(5)]
    for notice in notices:
        board.post(notice, desk.storage, desk.now)
    board.drop(notices[2:3], desk.storage)

    board.drop(notices, desk.storage)

    assert 0 == rows(desk)


def test_two_rounds_at_once_tell_as_much_as_one(desk: Desk) -> None:
    many_die(desk, 40)

    with ThreadPoolExecutor(2) as rounds:
        list(rounds.map(lambda _: tell(desk.storage, SETTINGS, desk.now), range(2)))

    assert 2 * (MOST_SINGLE + 1) == len(round_(desk))


def test_a_round_that_crashed_is_in_the_way_of_the_next_for_four_minutes(desk: Desk) -> None:
    dies(desk)
    with round_lease(desk.storage, desk.now) as crashed:
        assert crashed
        assert [] == round_(desk)
        desk.now += LEASE
        assert 2 == len(round_(desk))
