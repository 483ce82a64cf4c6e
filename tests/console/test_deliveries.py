"""Pages of the delivery log: complete, in order, bounded, wherever the mails lie in time."""

from datetime import timedelta

import pytest

from console.reading.deliveries import Page, newer, read_page, walk
from console.reading.query import read_query
from handoff.delivery import State
from handoff.ids import first_id
from handoff.ledger_reader import LedgerReader
from handoff.storage import Storage
from tests.console.past import Past

S, H, D = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def reader(storage: Storage) -> LedgerReader:
    return LedgerReader(storage.deliveries)


@pytest.mark.parametrize(
    "agos",
    [
        [],
        [5 * S],
        [n * S for n in range(1, 400)],
        [S * 30] * 250,
        [n * H for n in range(1, 60)],
        [D, 29 * D, 30 * D, 80 * D, 300 * D],
        [*(n * S for n in range(120)), *(20 * D + n * S for n in range(120))],
    ],
    ids=["none", "one", "dense", "one second", "an hour each", "sparse", "two heaps"],
)
def test_pages_have_every_mail_once_newest_first(
    agos: list[timedelta], past: Past, reader: LedgerReader
) -> None:
    known = sorted((row.id for row in past.mails(agos)), reverse=True)
    cursor, found, pages = None, [], 0
    while True:
        page = read_page(reader, read_query("", past.now), past.now, cursor=cursor)
        found += [line.id for line in page.lines]
        pages += 1
        cursor = page.cursor
        if cursor is None:
            break

    assert known == found
    assert pages <= len(known) // 50 + 2


def ids(page: Page) -> list[str]:
    return [line.id for line in page.lines]


def test_a_search_finds_what_it_names(past: Past, reader: LedgerReader) -> None:
    dead = past.mail(2 * H, State.DEAD, "ErrorInvalidUser", device="ups")
    to_bob = past.mail(3 * H, to=("ann@contoso.com", "bob@x.org"), device="erp")
    from_eve = past.mail(50 * H, sender="eve@contoso.com", device="erp")

    def found(text: str) -> list[str]:
        return ids(read_page(reader, read_query(text, past.now), past.now, patience=60))

    assert found("") == [dead.id, to_bob.id, from_eve.id]
    assert found("state:dead") == [dead.id]
    assert found("code:ErrorInvalidUser device:ups") == [dead.id]
    assert found("device:erp") == [to_bob.id, from_eve.id]
    assert found("to:bob") == [to_bob.id]
    assert found("from:eve@") == [from_eve.id]
    assert found("device:erp before:2d") == [from_eve.id]
    assert found("after:1d") == [dead.id, to_bob.id]
    assert found(to_bob.id.lower()) == [to_bob.id]
    assert found("<one@contoso.com> bob") == [to_bob.id]
    assert found("device:nobody") == []


def test_a_search_out_of_patience_says_how_far_it_looked_and_goes_on(
    past: Past, reader: LedgerReader
) -> None:
    past.mails([n * S for n in range(1, 300)])
    old = past.mail(9 * H, sender="eve@contoso.com")
    query = read_query("from:eve", past.now)
    first = read_page(reader, query, past.now, patience=0)

    assert ids(first) == []
    assert first.cursor is not None
    assert past.now - 9 * H < first.searched_to < past.now + H
    assert ids(read_page(reader, query, past.now, cursor=first.cursor)) == [old.id]


def test_walking_and_following_meet(past: Past, reader: LedgerReader) -> None:
    rows = past.mails([n * S for n in range(60, 200)])
    query = read_query("", past.now)
    walked = [line.id for line in walk(reader, query, past.now)]
    fresh = past.mail(5 * S)

    assert sorted((row.id for row in rows), reverse=True) == walked
    assert [line.id for line in newer(reader, query, walked[0], past.now)] == [fresh.id]


def test_a_cursor_that_is_none_begins_at_the_newest(past: Past, reader: LedgerReader) -> None:
    row = past.mail()
    page = read_page(reader, read_query("", past.now), past.now, cursor="'; drop")

    assert ids(page) == [row.id]
    assert page.cursor is None or page.cursor < first_id(past.now)
