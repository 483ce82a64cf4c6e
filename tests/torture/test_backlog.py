"""A flood after an outage, small: `python -m torture.backlog` does the same with 50,000 mails."""

from tests.forked import Forked
from tests.torture.disks import needs_compiler
from torture.backlog import flood

MAILS = 600
CONCURRENCY = 16  # of the forwarder


@needs_compiler
def test_what_comes_in_during_an_outage_is_taken_and_leaves_in_rough_order() -> None:
    outcome = flood(MAILS, 60_000, Forked)

    assert outcome.status == "degraded"
    assert outcome.queued == MAILS
    assert outcome.furthest <= 4 * CONCURRENCY
    assert outcome.megabytes_most - outcome.megabytes_before < 40
    assert outcome.spool_left < 70_000_000
