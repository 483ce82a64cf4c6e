"""A short run of `make torture`: everything at once, and every promise kept."""

import sys

from tests.forked import Forked
from tests.torture.disks import needs_compiler
from torture.run import run

SEED = 20261121
SECONDS = 10
HASTE = 3


@needs_compiler
def test_whatever_breaks_each_mail_arrives_once() -> None:
    outcome = run(SEED, SECONDS, lambda text: print(text, file=sys.stderr), HASTE, Forked)

    assert outcome.findings == []
    assert outcome.promised >= 20
    assert sum(outcome.faults.values()) >= 8
