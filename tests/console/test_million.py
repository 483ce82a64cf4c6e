"""Pages over a full ledger: what each reads is bounded, and does not grow with it."""

import random
import re
from collections import defaultdict
from collections.abc import Iterator

import pytest

from bench.console.filters import BadFilter, Filter, read_filter
from bench.console.tables import MOST_ROWS, Stored, ask
from bench.console.visits import PAGES, Console, Visits, console, go_round

MAILS = 50_000
FOUND_BY_KEY = {"a message": 1, "failed": 0}
"""What these read of the tables."""
BOUNDED = ("overview", "devices", "deliveries", "deliveries, some day", "a message", "failed")
"""The other pages search until their time is over, and read as much as the service lets them."""
MOST = 2_500
"""Two hours of 70 mails, the counted hours of a month, sites, devices; and with it what is read
behind the page, for the next one."""


@pytest.fixture(scope="module")
def site(module_account: str) -> Iterator[Console]:
    with console(MAILS, module_account) as site:
        yield site


def test_no_page_reads_without_bounds(site: Console) -> None:
    visits: dict[str, Visits] = defaultdict(Visits)
    for seed in range(2):
        go_round(site, visits, random.Random(seed))

    assert PAGES.keys() | {"a message", "older mails"} == visits.keys()
    assert {200} == {visit.status for of_page in visits.values() for visit in of_page.all}
    assert [] == [
        one for of_page in visits.values() for visit in of_page.all for one in visit.strange
    ]
    rows = {page: [visit.rows for visit in visits[page].all] for page in visits}
    assert {} == {page: rows[page] for page in BOUNDED if max(rows[page]) > MOST}
    assert FOUND_BY_KEY == {page: min(rows[page]) for page in FOUND_BY_KEY}


def test_a_search_that_finds_nothing_goes_on_by_itself(site: Console) -> None:
    _, text = site.visit("/deliveries?q=nobody-has-this")
    goes_on = re.search(r'hx-get="(/deliveries\?[^"]*older=[^"]*)" hx-trigger="load', text)

    assert goes_on is not None
    assert "Search on, before" in text

    seen, text = site.visit(goes_on[1].replace("&amp;", "&"))

    assert seen.status == 200
    assert "Search on, before" in text


def test_the_table_service_knows_its_limits() -> None:
    table = Stored({"PartitionKey": str(n % 3), "RowKey": f"{n:05}", "n": n} for n in range(6_000))
    one_partition = read_filter("PartitionKey eq '1' and RowKey ge '00100' and RowKey lt '00200'")
    partitions = read_filter("PartitionKey ge '1' and PartitionKey lt '2' and RowKey ge '05990'")
    narrow, wide = ask(table, one_partition, MOST_ROWS, None), ask(table, partitions, 10, None)

    assert (34, 34) == (len(narrow.entities), narrow.looked_at)
    assert (3, 2_000) == (len(wide.entities), wide.looked_at)

    first = ask(table, read_filter("n ge 0"), MOST_ROWS, None)
    second = ask(table, read_filter("n ge 0"), MOST_ROWS, first.goes_on)

    assert (1_000, ("0", "03000")) == (len(first.entities), first.goes_on)
    assert "03000" == second.entities[0]["RowKey"]
    assert not read_filter("RowKey ge 'a'").is_bounded


@pytest.mark.parametrize(
    "text", ["a eq 1 or b eq 2", "startswith(a, 'b')", "a eq 1 and ", "PartitionKey eq 1", "a == 1"]
)
def test_the_table_service_refuses_what_it_does_not_know(text: str) -> None:
    with pytest.raises(BadFilter):
        read_filter(text)


def test_a_filter_compares_what_is_there() -> None:
    wanted: Filter = read_filter("a eq 'it''s' and b ge 2")

    assert wanted.fits({"a": "it's", "b": 2})
    assert not wanted.fits({"a": "it's"})
    assert not wanted.fits({"a": "it's", "b": "2"})
