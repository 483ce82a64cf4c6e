"""Devices in the text of an `edge.toml`: added, changed, removed; all else stays as it was.

Text in, text out; and `replace`, which puts a text in a file's place only if the edge takes it.
"""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.items import AoT, Array

from edge.settings import EdgeSettings
from edge.settings_file import load


class NoSuchDevice(LookupError):
    """The file has no device of that name."""


class NotEditable(Exception):
    """`devices` in the file is nothing that devices could be added to."""


def with_device(text: str, values: Mapping[str, Any]) -> str:
    """`text` with one device more."""
    document = tomlkit.parse(text)
    devices = document.get("devices")
    if devices is None:
        document["devices"] = tomlkit.aot()
        devices = document["devices"]
    if isinstance(devices, AoT):
        table = tomlkit.table()
        table.update(values)
        devices.append(table)
    elif isinstance(devices, Array):
        entry = tomlkit.inline_table()
        entry.update(values)
        devices.append(entry)
    else:
        raise NotEditable("devices is no list")
    return tomlkit.dumps(document)


def with_changed(text: str, name: str, values: Mapping[str, Any]) -> str:
    """`text` with other values for one device. Raises NoSuchDevice."""
    document = tomlkit.parse(text)
    devices, place = _find(document, name)
    devices[place].update(values)
    return tomlkit.dumps(document)


def without(text: str, name: str) -> str:
    """`text` without one device. Raises NoSuchDevice."""
    document = tomlkit.parse(text)
    devices, place = _find(document, name)
    del devices[place]
    return tomlkit.dumps(document)


def as_block(values: Mapping[str, Any]) -> str:
    """One device by itself, to be pasted."""
    return with_device("", values).lstrip("\n")


def replace(file: Path, text: str, environment: Mapping[str, str]) -> EdgeSettings:
    """Put `text` in the place of `file`, whole or not at all; answer the settings that it makes.

    Raises SettingsError, with the file as it was, when they do not hold.
    """
    before = file.stat()
    handle, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    draft = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        settings = load(draft, environment)
        draft.chmod(before.st_mode & 0o7777)
        if os.geteuid() == 0:
            os.chown(draft, before.st_uid, before.st_gid)
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)
    return settings


def _find(document: tomlkit.TOMLDocument, name: str) -> tuple[Any, int]:
    devices: Any = document.get("devices", [])
    for place, device in enumerate(devices):
        if str(device.get("name", "")).casefold() == name.casefold():
            return devices, place
    raise NoSuchDevice(name)
