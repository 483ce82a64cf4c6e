"""Alert rules and dashboard: right by promtool, firing in time, asking for what is there."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from edge.settings import SpoolSettings
from tests.figures import names_of, of_console, of_edge
from tests.infra.manifests import KUSTOMIZE, read, yaml
from tests.infra.programs import needs, run

RULES = read((KUSTOMIZE / "monitoring" / "rules.yaml").read_text("utf-8"))[0]["spec"]
ALERTS = [rule for group in RULES["groups"] for rule in group["rules"]]
DASHBOARD = json.loads((KUSTOMIZE / "monitoring" / "dashboard.json").read_text("utf-8"))
QUERIES = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
FIGURES = [*of_edge(), *of_console()]
TESTS = Path(__file__).parent / "data" / "alert-tests.yaml"
needs_promtool = needs("promtool", "Debian package prometheus")


def _promtool(*arguments: str, directory: Path) -> None:
    done = run("promtool", *arguments, directory=directory)

    assert done.returncode == 0, done.stdout + done.stderr


def _write_rules(directory: Path, groups: Any) -> None:
    (directory / "rules.yaml").write_text(yaml.safe_dump({"groups": groups}), "utf-8")


@needs_promtool
def test_prometheus_takes_the_rules(tmp_path: Path) -> None:
    _write_rules(tmp_path, RULES["groups"])

    _promtool("check", "rules", "rules.yaml", directory=tmp_path)


@needs_promtool
def test_rules_fire_when_they_should_and_not_before(tmp_path: Path) -> None:
    _write_rules(tmp_path, RULES["groups"])
    shutil.copy(TESTS, tmp_path / "tests.yaml")

    _promtool("test", "rules", "tests.yaml", directory=tmp_path)


def test_every_rule_has_a_test() -> None:
    tested = re.findall(r"alertname: (\w+)", TESTS.read_text("utf-8"))

    assert {rule["alert"] for rule in ALERTS} == set(tested)


@needs_promtool
def test_queries_of_the_dashboard_are_right(tmp_path: Path) -> None:
    plain = [
        query.replace("$__rate_interval", "5m").replace("$instance", ".+") for query in QUERIES
    ]
    recorded = [{"record": f"q{n}", "expr": query} for n, query in enumerate(plain)]
    _write_rules(tmp_path, [{"name": "dashboard", "rules": recorded}])

    _promtool("check", "rules", "rules.yaml", directory=tmp_path)


@pytest.mark.parametrize("query", [*QUERIES, *(rule["expr"] for rule in ALERTS)])
def test_a_query_asks_for_figures_that_there_are(query: str) -> None:
    known = set().union(*map(names_of, FIGURES))
    asked = set(re.findall(r"\brelay_\w+", query))

    assert asked
    assert asked <= known


def test_the_dashboard_shows_every_figure() -> None:
    shown = set(re.findall(r"\brelay_\w+", " ".join(QUERIES)))
    unseen = [metric.name for metric in FIGURES if not names_of(metric) & shown]

    assert unseen == [], "add a panel to deploy/kubernetes/monitoring/dashboard.json"


def test_nearly_full_is_measured_against_the_size_that_is_shipped() -> None:
    expression = next(rule["expr"] for rule in ALERTS if rule["alert"] == "RelaySpoolNearlyFull")

    assert str(SpoolSettings().max_bytes) in expression


def test_panels_have_ids_of_their_own_and_do_not_overlap() -> None:
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    cells = [
        (x, y)
        for panel in DASHBOARD["panels"]
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]

    assert len(ids) == len(set(ids))
    assert len(cells) == len(set(cells))
