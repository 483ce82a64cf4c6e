"""The pages tell of all that is there, of nothing else, and their links lead somewhere."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from console.relay import app

ROOT = Path(__file__).parent.parent
PAGES = [
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "SECURITY.md", "infra/README.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
_LEVELS = ("debug", "info", "warning", "error", "exception")


def _text(page: str) -> str:
    return (ROOT / page).read_text("utf-8")


def _calls(package: str) -> Iterator[ast.Call]:
    for path in (ROOT / package).rglob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        yield from (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def _first_cells(text: str) -> set[str]:
    """What stands in code in the first column of the tables of `text`."""
    cells = re.findall(r"^\| (`[^|]*) \|", text, re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for link in re.findall(r"\]\((?!https?:)([^)\s]+)\)", page.read_text("utf-8")):
        file, _, anchor = link.partition("#")
        target = page.parent / file if file else page
        if not target.exists() or (anchor and anchor not in _anchors(target)):
            broken.append(link)

    assert broken == []


def test_every_event_of_the_edge_is_documented_and_no_other() -> None:
    events = {
        str(call.args[0].value)
        for call in _calls("edge")
        if isinstance(call.func, ast.Attribute)
        and ast.unparse(call.func) in [f"log.{level}" for level in _LEVELS]
        and isinstance(call.args[0], ast.Constant)
    }

    assert sorted(events) == sorted(_first_cells(_text("docs/edge-events.md")))


def test_every_event_of_the_function_app_is_documented_and_no_other() -> None:
    events = {
        str(call.args[0].value)
        for call in _calls("function_app")
        if ast.unparse(call.func) == "log" and isinstance(call.args[0], ast.Constant)
    }
    of_mailboxes = {f"mailbox-{state}" for state in ("free", "waiting", "throttled")}
    table = _text("docs/function-app.md").partition("## Events")[2]

    assert sorted(events | of_mailboxes) == sorted(_first_cells(table))


def test_every_partition_of_the_table_status_is_documented_and_no_other() -> None:
    sources = [
        path.read_text("utf-8")
        for package in ("handoff", "function_app")
        for path in (ROOT / package).rglob("*.py")
    ]
    named = re.compile(
        r'^(?:_?PARTITION\b.*|SITE\b.*)= (".*)$|"PartitionKey": (".*?")', re.MULTILINE
    )
    partitions = set()
    for found in named.finditer("\n".join(sources)):
        first, *others = re.findall(r'"([a-z-]+)"', found[1] or found[2])
        partitions |= {first} if "_ROW" in found[0] else {first, *others}
    table = _text("docs/handoff.md").partition("## Table `status`")[2].partition("\n## ")[0]

    assert sorted(partitions) == sorted(_first_cells(table))


def _commands(command: Any, path: str) -> Iterator[str]:
    inner = getattr(command, "commands", {})
    if not inner:
        yield path
    for name in inner:
        yield from _commands(inner[name], f"{path} {name}")


def test_every_command_is_documented() -> None:
    documented = set()
    for cell in re.findall(r"^\| (`relay[^|]*)\|", _text("docs/operator.md"), re.MULTILINE):
        first, *others = re.findall(r"`([^`]+)`", cell)
        words = re.match(r"relay(?: [a-z][a-z-]*)*", first)
        command = words[0] if words else ""
        group = command.rpartition(" ")[0]
        documented |= {command, *(f"{group} {other}" for other in others)}
    commands = list(_commands(typer.main.get_command(app), "relay"))

    assert len(commands) > 20
    assert [command for command in commands if command not in documented] == []
