"""What a search means."""

from datetime import UTC, datetime, timedelta

import pytest

from console.reading.query import BadQuery, Query, read_query
from handoff.ids import new_id

NOW = datetime(2026, 11, 21, 5, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("", Query()),
        ("  ", Query()),
        ("state:dead", Query(equal={"state": "dead"})),
        ("STATE:Dead device:scanner-2f", Query(equal={"state": "dead", "device": "scanner-2f"})),
        ("from:Scan@Contoso.com", Query(sender="scan@contoso.com")),
        ('to:"ann b"', Query(recipient="ann b")),
        ("before:2026-11-20", Query(before=datetime(2026, 11, 20, tzinfo=UTC))),
        ("after:2h", Query(after=NOW - timedelta(hours=2))),
        ("after:2026-11-20T05:00", Query(after=datetime(2026, 11, 20, 5, tzinfo=UTC))),
        ("<One@contoso.com> ann", Query(words=("<one@contoso.com>", "ann"))),
        ("code:AADSTS7000215", Query(equal={"code": "AADSTS7000215"})),
    ],
)
def test_a_search_means_what_its_terms_say(text: str, query: Query) -> None:
    assert query == read_query(text, NOW)


@pytest.mark.parametrize(
    ("text", "part"),
    [("stat:dead", "there are from, to"), ("state:lost", "none of"), ("before:noon", "no time")],
)
def test_a_search_that_makes_no_sense_is_told_so(text: str, part: str) -> None:
    with pytest.raises(BadQuery, match=part):
        read_query(text, NOW)


def test_an_id_alone_is_known_as_one() -> None:
    mail_id = new_id(NOW)

    assert mail_id == read_query(mail_id.lower(), NOW).single_id
    assert read_query(f"{mail_id} state:dead", NOW).single_id is None
    assert read_query("scanner", NOW).single_id is None
