"""What the pages about infrastructure point at is there, and what they say twice is the same."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PAGES = [
    ROOT / "README.md",
    ROOT / "infra" / "README.md",
    *sorted((ROOT / "docs").glob("infra-*.md")),
]
RULES = ROOT / "deploy" / "kubernetes" / "monitoring" / "rules.yaml"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_are_named_exist(page: Path) -> None:
    text = page.read_text("utf-8")
    named = re.findall(r"\b(?:infra|deploy|edge|function_app|tests)/[\w./-]*\w", text)

    assert [name for name in named if not (ROOT / name).exists() and name != "deploy/.env"] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_parameters_that_are_named_exist(page: Path) -> None:
    main = (ROOT / "infra" / "main.bicep").read_text("utf-8")
    known = re.findall(r"^(?:param|output) (\w+)", main, re.MULTILINE)
    named = re.findall(
        r"`((?:edge|alert|secret|private|network|maximum|instances|oldest)[A-Z]\w+)",
        page.read_text("utf-8"),
    )

    assert [name for name in named if name not in known] == []


def test_every_alert_of_prometheus_is_told() -> None:
    text = (ROOT / "docs" / "infra-kubernetes.md").read_text("utf-8")
    told = re.findall(r"^\| (Relay\w+) \|", text, re.MULTILINE)

    assert told == re.findall(r"alert: (\w+)", RULES.read_text("utf-8"))


def test_every_alert_of_azure_is_told() -> None:
    text = (ROOT / "infra" / "README.md").read_text("utf-8")
    bicep = (ROOT / "infra" / "modules" / "alerts.bicep").read_text("utf-8")
    names = re.findall(r"displayName: '([^']+)'", bicep)

    assert names
    assert [name for name in names if f"| {name} |" not in text] == []


def test_the_five_commands_are_the_same_everywhere() -> None:
    blocks = [
        re.findall(r"```\n(az group create.*?)```", (ROOT / page).read_text("utf-8"), re.DOTALL)
        for page in ("README.md", "infra/README.md")
    ]

    assert len(blocks[0]) == 1
    assert blocks[0] == blocks[1]
