"""docs/smtp.md names for each quirk the dialog or the test that holds it."""

import re
from pathlib import Path

HERE = Path(__file__).parent
TEXT = (HERE.parent.parent / "docs" / "smtp.md").read_text("utf-8")


def test_each_named_dialog_and_test_exists() -> None:
    quirks = TEXT.partition("## What devices do")[2].partition("\n## ")[0]
    named = [re.findall(r"`([a-z0-9_/.]+)`", row.rpartition("| ")[2]) for row in _rows(quirks)]
    missing = [
        name
        for names in named
        for name in names
        if not (HERE / "dialogs" / f"{name}.smtp").exists()
        and not (HERE.parent.parent / name).exists()
    ]

    assert all(named)
    assert missing == []


def _rows(table: str) -> list[str]:
    return [line.rstrip(" |") for line in table.splitlines() if line.startswith("| ")][1:]
