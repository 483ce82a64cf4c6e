"""docs/edge-settings.md tells of every setting, with its default, and of no other."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from edge.entra.settings import Alias
from edge.settings import Device, EdgeSettings, Listener

_TOLD_IN_WORDS = {None, "", (), PydanticUndefined}
_RULES = "## Why is a mail refused?"
DOCUMENT = Path(__file__).parent.parent.parent / "docs" / "edge-settings.md"


def _settings(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from _settings(kind, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", field.default


def _documented() -> dict[str, str]:
    settings = DOCUMENT.read_text("utf-8").partition(_RULES)[0]
    rows = re.findall(r"^\| `([^`]+)` \|\s*([^|]*?)\s*\|", settings, re.MULTILINE)
    return {key: default.strip("`") for key, default in rows}


def _all_settings() -> dict[str, Any]:
    found = dict(_settings(EdgeSettings))
    found |= dict(_settings(Listener, "listeners[]."))
    found |= dict(_settings(Alias, "entra.aliases[]."))
    return found | dict(_settings(Device, "devices[]."))


def _as_toml(default: object) -> str:
    return str(default).lower() if isinstance(default, bool) else str(default)


def test_every_setting_is_documented_and_no_other() -> None:
    assert sorted(_all_settings()) == sorted(_documented())


def test_the_documented_defaults_are_those_of_the_code() -> None:
    documented = _documented()
    differing = {
        key: (default, documented[key])
        for key, default in _all_settings().items()
        if key != "listeners"
        and default not in _TOLD_IN_WORDS
        and _as_toml(default) != documented[key]
    }

    assert differing == {}


def test_every_rule_is_documented_and_no_other() -> None:
    table = DOCUMENT.read_text("utf-8").partition(_RULES)[2].partition("\n## ")[0]
    first_cells = re.findall(r"^\| (`[^|]*) \|", table, re.MULTILINE)
    documented = {rule for cell in first_cells for rule in re.findall(r"`([^`]+)`", cell)}
    rules = {
        rule
        for path in (DOCUMENT.parent.parent / "edge").rglob("*.py")
        for rule in re.findall(r'(?:Refusal\(|rule, allowed = )"([^"]+)"', path.read_text("utf-8"))
    }

    assert rules == documented
