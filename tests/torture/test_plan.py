"""The plan of what is broken."""

import itertools
from collections import Counter

from torture.faults import _GRAPH, _MODES, _NAMES
from torture.plan import FAULTS, plan


def test_the_same_seed_breaks_the_same() -> None:
    assert plan(7, 100) == plan(7, 100)
    assert plan(7, 100) != plan(8, 100)


def test_a_long_run_breaks_everything() -> None:
    done = Counter((one.lane, one.name) for one in plan(1, 540))

    assert set(done) == {(lane, name) for lane, names in FAULTS.items() for name in names}
    assert min(done.values()) >= 3


def test_haste_breaks_more_in_the_same_time() -> None:
    assert len(plan(1, 60, haste=3)) > 2 * len(plan(1, 60))


def test_one_part_has_one_fault_at_a_time() -> None:
    for lane in FAULTS:
        breaks = [one for one in plan(3, 300) if one.lane == lane]

        assert all(a.at + a.seconds < b.at for a, b in itertools.pairwise(breaks))


def test_every_fault_of_the_plan_can_be_done() -> None:
    assert set(FAULTS["graph"]) == set(_GRAPH)
    assert {"restarted", "restarted without leases"} == set(FAULTS["storage"]) - {
        *_MODES,
        *_NAMES,
    }
