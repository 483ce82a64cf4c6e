"""Read the settings: `edge.toml`, over it the environment, and every fault in one go.

Each key can also be said as `EDGE_SECTION__KEY`, each secret also as `EDGE_SECTION__KEY_FILE`
with the path of a file that holds it. Lists (`EDGE_LISTENERS`, `EDGE_DEVICES`,
`EDGE_MYNETWORKS` and those of sections) are JSON.
"""

import difflib
import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, SecretStr, ValidationError

from edge.settings import EdgeSettings

_PREFIX = "EDGE_"
_ABOUT_THE_FILE = "EDGE_CONFIG"
_FILE = "_FILE"
_LISTS = frozenset(
    {
        ("listeners",),
        ("devices",),
        ("mynetworks",),
        ("learning", "networks"),
        ("entra", "tenants"),
        ("entra", "aliases"),
        ("entra", "fallback", "networks"),
    }
)
_EXPECTED = {
    "site": "letters, digits, dots, dashes and underscores, such as plant-2",
    "hostname": "a host name, such as relay.contoso.com",
    "name": "letters, digits, dots, dashes and underscores, such as scanner-2f",
    "identity": "the name of a sending identity, such as default",
    "default_device": "the name of a device, such as scanner-2f",
    "vault_url": "the address of a vault, such as https://contoso.vault.azure.net",
    "vault_certificate": "the name of a certificate in the vault",
    "account_url_queue": "an https address, such as https://mailrelay.queue.core.windows.net",
    "account_url_blob": "an https address, such as https://mailrelay.blob.core.windows.net",
    "password_hash": "the argon2id hash that `relay device hash` prints",
    "tenant": "a tenant's id or domain",
    "client_id": "an application's id, such as 00000000-0000-0000-0000-000000000000",
    "authority": "an https address",
}
"""What is told when a value is not of the shape that its key has."""
Place = tuple[str, ...]
FaultPlace = tuple[str | int, ...]


class SettingsError(Exception):
    """The settings do not hold. `faults` is one line each: where, which key, what to do."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


def load(path: Path | None, environment: Mapping[str, str]) -> EdgeSettings:
    """The settings of `path` (None: no file) under those of `environment`.

    Raises SettingsError with all faults of both.
    """
    faults: list[str] = []
    tree = _read_file(path) if path else {}
    sources = _lay_over(tree, environment, faults)
    try:
        settings = EdgeSettings.model_validate(tree)
    except ValidationError as error:
        faults.extend(_line(fault, path, sources) for fault in error.errors())
        raise SettingsError(faults) from error
    if faults:
        raise SettingsError(faults)
    return settings


def _read_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise SettingsError([f"{path}: cannot be read: {error.strerror}"]) from error
    except UnicodeDecodeError as error:
        raise SettingsError([f"{path}: is not in UTF-8, see octet {error.start}"]) from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError([f"{path}: {error}"]) from error


def _lay_over(
    tree: dict[str, Any], environment: Mapping[str, str], faults: list[str]
) -> dict[FaultPlace, str]:
    """Put what the environment says into `tree`; answer which place came from which variable."""
    known = dict(_variables(EdgeSettings))
    sources: dict[FaultPlace, str] = {}
    for variable, text in sorted(environment.items()):
        if not variable.startswith(_PREFIX) or variable == _ABOUT_THE_FILE:
            continue
        name = variable.removesuffix(_FILE) if variable not in known else variable
        place = known.get(name)
        if place is None or (name != variable and not _is_secret(place)):
            faults.append(f"{variable}: unknown setting{_suggestion(variable, known)}")
        elif place in sources:
            faults.append(f"{sources[place]} and {variable}: set only one of the two")
        else:
            sources[place] = variable
            try:
                value = Path(text).read_text("utf-8").strip() if name != variable else text
                _put(tree, place, _parsed(place, value))
            except OSError as error:
                faults.append(f"{variable}: {text} cannot be read: {error.strerror}")
            except ValueError as error:
                faults.append(f"{variable}: {error}")
    return sources


def _variables(model: type[BaseModel], place: Place = ()) -> Iterator[tuple[str, Place]]:
    for key, field in model.model_fields.items():
        here = (*place, key)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _variables(field.annotation, here)
        else:
            yield _PREFIX + "__".join(here).upper(), here


def _is_secret(place: Place) -> bool:
    model: Any = EdgeSettings
    for step in place[:-1]:
        model = model.model_fields[step].annotation
    return place == ("devices",) or SecretStr in get_args(model.model_fields[place[-1]].annotation)


def _parsed(place: Place, text: str) -> Any:
    if place not in _LISTS:
        return text
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"expected a list in JSON, such as [] ({error})") from None


def _put(tree: dict[str, Any], place: Place, value: Any) -> None:
    for step in place[:-1]:
        tree = tree.setdefault(step, {})
        if not isinstance(tree, dict):
            raise ValueError(f"{step} is no section in the file: write [{step}]")
    tree[place[-1]] = value


def _line(fault: Any, path: Path | None, sources: Mapping[FaultPlace, str]) -> str:
    place: FaultPlace = fault["loc"]
    source = next(
        (sources[place[:end]] for end in range(len(place), 0, -1) if place[:end] in sources), None
    )
    where = source or f"{path or 'settings'}: {_spelled(place)}".removesuffix(": ")
    if fault["type"] == "extra_forbidden":
        siblings = _keys_beside(place)
        return f"{where}: unknown key{_suggestion(str(place[-1]), siblings)}"
    return f"{where}: {_advice(fault)}"


def _advice(fault: Any) -> str:
    key = str(fault["loc"][-1]) if fault["loc"] else ""
    match fault["type"]:
        case "tuple_type":
            sections = key in ("listeners", "devices", "aliases")
            return f"expected {f'[[{key}]], a section each' if sections else 'a list in [ ]'}"
        case "model_type":
            return f"expected a section, [{key}]"
        case "missing":
            return "is missing"
        case "string_pattern_mismatch" if key in _EXPECTED:
            return f"expected {_EXPECTED[key]}"
        case _:
            return str(fault["msg"]).removeprefix("Value error, ")


def _spelled(place: FaultPlace) -> str:
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in place)
    return "".join(steps).removeprefix(".")


def _keys_beside(place: FaultPlace) -> Mapping[str, Any]:
    model: Any = EdgeSettings
    for step in place[:-1]:
        if isinstance(step, str):
            annotation = model.model_fields[step].annotation
            model = next(iter(get_args(annotation)), annotation)
    return dict(model.model_fields)


def _suggestion(name: str, known: Mapping[str, Any]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f", did you mean {close[0]}?" if close else ""
