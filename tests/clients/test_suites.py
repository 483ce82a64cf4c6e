"""Third-party suites against the door, the quick ones; `make conformance` runs all."""

import shutil
from pathlib import Path

import pytest

from local.conformance.suites import SUITES, Suite, judge
from local.conformance.target import target


@pytest.mark.parametrize(
    "suite", [suite for suite in SUITES if suite.is_quick], ids=lambda suite: suite.name
)
def test_a_suite_finds_nothing(suite: Suite, tmp_path: Path) -> None:
    if shutil.which(suite.needs) is None:
        pytest.skip(f"{suite.needs} is not installed: apt-get install it (see .ci/run)")
    network = "127.0.0.0/8" if suite.knows_us else "192.0.2.0/24"
    with target(tmp_path / "edge", network) as edge:
        assert judge(suite, edge) == []
