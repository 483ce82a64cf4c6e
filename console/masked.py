"""The settings of an edge without their secrets, for whoever may look but not send. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from edge.settings import EdgeSettings

MASK = "********"
_SECRETS = ("password_hash", "connection_string", "client_secret")
_SIGNED = re.compile(r"([?&]sig=)[^&]*|(://)[^/@]*@")
_SHOWN_BY_THEMSELVES = ("listeners", "devices")
_TOP = "edge"


@dataclass(frozen=True)
class Shown:
    """One setting, as it is shown."""

    name: str
    text: str
    is_usual: bool
    """As it is when nobody sets it."""


def masked(settings: EdgeSettings) -> Any:
    """All settings in what JSON knows, without any secret."""
    return _masked(settings.model_dump(mode="json"))


def sections_of(settings: EdgeSettings) -> Iterator[tuple[str, list[Shown]]]:
    """The masked settings by section, those without one first; listeners and devices left out."""
    tree, usual = masked(settings), _usual()
    rest = {name: value for name, value in tree.items() if name not in _SHOWN_BY_THEMSELVES}
    plain = {name: value for name, value in rest.items() if not isinstance(value, dict)}
    yield _TOP, [_shown(name, value, usual.get(name)) for name, value in plain.items()]
    for section, values in rest.items():
        if isinstance(values, dict):
            known = usual.get(section) or {}
            yield section, [_shown(name, value, known.get(name)) for name, value in values.items()]


def _shown(name: str, value: Any, usual: Any) -> Shown:
    return Shown(name, _text(value), value == usual)


def _text(value: Any) -> str:
    if value is None or value in ("", [], {}):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    if isinstance(value, dict):
        return ", ".join(f"{name} {_text(item)}" for name, item in value.items() if item)
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _usual() -> dict[str, Any]:
    """What each key is when it is not set."""
    fields = EdgeSettings.model_fields.items()
    defaults = {
        name: field.get_default(call_default_factory=True)
        for name, field in fields
        if field.default is not PydanticUndefined or field.default_factory is not None
    }
    tree: dict[str, Any] = {}
    for name, value in defaults.items():
        tree[name] = value.model_dump(mode="json") if isinstance(value, BaseModel) else value
    return {name: list(v) if isinstance(v, tuple) else v for name, v in tree.items()}


def _masked(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: MASK if name in _SECRETS and item else _masked(item)
            for name, item in value.items()
        }
    if isinstance(value, str):
        return _SIGNED.sub(
            lambda found: f"{found[1] or found[2]}{MASK}" + "@" * bool(found[2]), value
        )
    return [_masked(item) for item in value] if isinstance(value, list) else value
