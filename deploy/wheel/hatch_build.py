"""What the package is made of, from where each part is kept: the root of the repository."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface

_PACKAGES = ("handoff", "edge", "console")
_GROUPS = ("edge", "console")
_NOT_OURS = ("Dockerfile*", "requirements.txt", "*.pyc")


class FromRepository(MetadataHookInterface):
    """Version, description and dependencies."""

    def update(self, metadata: dict[str, Any]) -> None:
        root = _root(self.root)
        project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
        for key in ("version", "description", "requires-python", "license"):
            metadata[key] = project["project"][key]
        groups = project["dependency-groups"]
        needed = (each for group in _GROUPS for each in _requirements(groups, group))
        metadata["dependencies"] = list(dict.fromkeys(needed))


class Packages(BuildHookInterface[Any]):
    """The files, which lie beside this directory and not below it."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        root = _root(self.root)
        for package in _PACKAGES:
            for file in (root / package).rglob("*"):
                if file.is_file() and not any(file.match(pattern) for pattern in _NOT_OURS):
                    build_data["force_include"][str(file)] = str(file.relative_to(root))
        # As `license-files` would, were it below this directory.
        build_data["extra_metadata"][str(root / "LICENSE")] = "licenses/LICENSE"


def _root(directory: str) -> Path:
    return Path(directory).parent.parent


def _requirements(groups: dict[str, Any], name: str) -> Iterator[str]:
    for each in groups[name]:
        if isinstance(each, str):
            yield each
        else:
            yield from _requirements(groups, each["include-group"])
