"""Alerts and the workbook ask for events that exist, in the form in which they are written."""

import json
import logging
import re
from pathlib import Path

import pytest

from function_app.log import log
from function_app.silence import DEVICE_SILENT, SITE_SILENT
from tests.infra.bicep import INFRA, ROOT, File, literal, properties, walk

QUERIES = sorted((INFRA / "alerts").glob("*.kql"))
ALERTS = File("infra/modules/alerts.bicep")
WORKBOOK = json.loads((INFRA / "workbook.json").read_text("utf-8"))
PANELS = [item for item in WORKBOOK["items"] if item["type"] == 3]


def _events() -> dict[str, set[str]]:
    """The events of the function app and their fields, as the docs tell them."""
    text = (ROOT / "docs" / "function-app.md").read_text("utf-8").partition("## Events")[2]
    rows = re.findall(r"^\| (`[^|]*) \| ([^|]*) \|", text, re.MULTILINE)
    return {
        event: set(re.findall(r"`([a-z_]+)`", fields))
        for cell, fields in rows
        for event in re.findall(r"`([a-z_-]+)`", cell)
    }


def _asked(query: str) -> set[str]:
    told = re.findall(r'\{"event": "([a-z_-]+)"', query)
    compared = re.findall(r"event\.event == '([a-z-]+)'", query)
    listed = re.findall(r"event\.event in \(([^)]*)\)", query)
    return {*told, *compared, *re.findall(r"'([a-z-]+)'", " ".join(listed))}


def _fields(query: str) -> set[str]:
    return set(re.findall(r"(?:\bevent|parse_json\(message\))\.(\w+)", query)) - {"event"}


@pytest.mark.parametrize("query", QUERIES, ids=lambda path: path.stem)
def test_an_alert_asks_for_events_that_are_written(query: Path) -> None:
    text = query.read_text("utf-8")
    known = set().union(*(_events()[event] for event in _asked(text)))

    assert _asked(text)
    assert _fields(text) <= known


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["name"])
def test_a_panel_asks_for_events_that_are_written(panel: dict[str, dict[str, str]]) -> None:
    query = panel["content"]["query"]
    known = set().union(*(_events()[event] for event in _asked(query) or _events()))

    assert _asked(query) <= set(_events())
    assert _fields(query) <= known


def test_events_begin_as_the_queries_expect(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        log("status", poison_depth=0)

    assert caplog.messages[0].startswith('{"event": "status"')


@pytest.mark.parametrize(("query", "word"), [("missing", " in "), ("alarm", " !in ")])
def test_silence_of_sites_and_devices_has_an_alert_of_its_own(query: str, word: str) -> None:
    text = (INFRA / "alerts" / f"{query}.kql").read_text("utf-8")

    assert f"code){word}('{SITE_SILENT}', '{DEVICE_SILENT}')" in text


def test_every_query_is_an_alert_and_every_alert_measures_a_column_of_its_query() -> None:
    rules = [each for each in walk(ALERTS.of("variable")["rules"].value) if each.type == "object"]
    used = {}
    for rule in map(properties, rules):
        file = re.findall(r"alerts/(\w+\.kql)", rule["query"].text.decode())[0]
        used[file] = literal(rule["column"])

    assert sorted(used) == [path.name for path in QUERIES]
    for path in QUERIES:
        assert f"| summarize {used[path.name]} = " in path.read_text("utf-8")


def test_silence_is_measured_even_when_there_is_no_row() -> None:
    # Without a `by` there is always one row, and 0 is less than 1.
    last = (INFRA / "alerts" / "silent.kql").read_text("utf-8").splitlines()[-1]

    assert last == "| summarize rounds = count()"
