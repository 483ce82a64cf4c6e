"""docs/edge-settings.md tells of every setting, with its default, and of no other."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from edge.settings import Device, EdgeSettings, Listener

_TOLD_IN_WORDS = {None, "", (), PydanticUndefined}
DOCUMENT = Path(__file__).parent.parent.parent / "docs" / "edge-settings.md"


def _settings(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from _settings(kind, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", field.default


def _documented() -> dict[str, str]:
    rows = re.findall(
        r"^\| `([^`]+)` \|\s*([^|]*?)\s*\|", DOCUMENT.read_text("utf-8"), re.MULTILINE
    )
    return {key: default.strip("`") for key, default in rows}


def _all_settings() -> dict[str, Any]:
    found = dict(_settings(EdgeSettings))
    found |= dict(_settings(Listener, "listeners[]."))
    return found | dict(_settings(Device, "devices[]."))


def test_every_setting_is_documented_and_no_other() -> None:
    assert sorted(_all_settings()) == sorted(_documented())


def test_the_documented_defaults_are_those_of_the_code() -> None:
    documented = _documented()
    differing = {
        key: (default, documented[key])
        for key, default in _all_settings().items()
        if key != "listeners" and default not in _TOLD_IN_WORDS and str(default) != documented[key]
    }

    assert differing == {}
