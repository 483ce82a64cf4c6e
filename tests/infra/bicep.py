"""Read Bicep files by their syntax tree: declarations, values, and where each stands.

There is no compiler to ask on a machine without Azure's tools. What this reads is the language as
the grammar of tree-sitter knows it, which lacks `extension`, `using` and parameter files: those
words are blanked, so that lines and columns stay as they are.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent
INFRA = ROOT / "infra"
_WHY = "needs the packages tree-sitter and tree-sitter-bicep"
_grammar: Any = pytest.importorskip("tree_sitter_bicep", reason=_WHY)
_tree_sitter: Any = pytest.importorskip("tree_sitter", reason=_WHY)
_PARSER = _tree_sitter.Parser(_tree_sitter.Language(_grammar.language()))

FILES = sorted(path.relative_to(ROOT).as_posix() for path in INFRA.rglob("*.bicep"))
PARAMETER_FILES = sorted(path.relative_to(ROOT).as_posix() for path in INFRA.rglob("*.bicepparam"))


@dataclass(frozen=True)
class Declaration:
    """A parameter, variable, output, module or resource."""

    kind: str
    name: str
    text: str
    """Type of a resource, path of a module, type of a parameter or output."""
    value: Any
    """Node of what it is, or None."""
    decorators: tuple[str, ...]
    line: int


@dataclass(frozen=True)
class Resource:
    file: str
    name: str
    type_name: str
    """With the API version."""
    is_existing: bool
    body: Any
    line: int
    parent: str
    """Type of the resource around it, "" at the top."""


class File:
    """One Bicep file."""

    def __init__(self, name: str, text: str | None = None) -> None:
        self.name = name
        self.text = (ROOT / name).read_text("utf-8") if text is None else text
        self.root = _PARSER.parse(_readable(self.name, self.text).encode()).root_node

    def errors(self) -> list[str]:
        """Where the syntax is broken."""
        return [
            f"{self.name}:{node.start_point[0] + 1}: {node.text.decode()[:60]!r}"
            for node in walk(self.root)
            if node.is_error or node.is_missing
        ]

    @cached_property
    def declarations(self) -> tuple[Declaration, ...]:
        return tuple(self._declarations())

    def _declarations(self) -> Iterator[Declaration]:
        decorators: tuple[str, ...] = ()
        for node in self.root.named_children:
            if node.type == "decorators":
                decorators = tuple(each.text.decode().lstrip("@") for each in node.named_children)
                continue
            kind = node.type.removesuffix("_declaration")
            if node.type.endswith("_declaration"):
                yield _declaration(kind, node, decorators)
            decorators = ()

    def of(self, kind: str) -> dict[str, Declaration]:
        return {each.name: each for each in self.declarations if each.kind == kind}

    @cached_property
    def resources(self) -> tuple[Resource, ...]:
        return tuple(self._resources(self.root, ""))

    def _resources(self, node: Any, parent: str) -> Iterator[Resource]:
        for child in node.named_children:
            if child.type != "resource_declaration":
                yield from self._resources(child, parent)
                continue
            name, written = (each.text.decode() for each in child.named_children[:2])
            type_name = _full_type(parent, written.strip("'"))
            body = next((each for each in walk(child) if each.type == "object"), None)
            is_existing = any(each.type == "existing" for each in child.children)
            line = child.start_point[0] + 1
            yield Resource(self.name, name, type_name, is_existing, body, line, parent)
            yield from self._resources(child, type_name)

    def value_of(self, node: Any) -> Any:
        """`node`, or what the variable holds that it names."""
        variables = self.of("variable")
        while node is not None and node.type == "identifier" and node.text.decode() in variables:
            node = variables[node.text.decode()].value
        return node


def _readable(name: str, text: str) -> str:
    text = re.sub(r"(?m)^(extension|using)\b.*$", lambda found: " " * len(found[0]), text)
    if name.endswith(".bicepparam"):
        text = re.sub(r"(?m)^param(\s+\w+\s*=)", r"var\1", text)
    return text


def _declaration(kind: str, node: Any, decorators: tuple[str, ...]) -> Declaration:
    children = node.named_children
    has_text = len(children) > 1 and children[1].type in ("type", "string") and kind != "variable"
    value = children[-1] if len(children) > (2 if has_text else 1) else None
    return Declaration(
        kind=kind,
        name=children[0].text.decode(),
        text=children[1].text.decode().strip("'") if has_text else "",
        value=value,
        decorators=decorators,
        line=node.start_point[0] + 1,
    )


def _full_type(parent: str, written: str) -> str:
    if not parent:
        return written
    outer, _, version = parent.partition("@")
    inner, _, own = written.partition("@")
    return f"{outer}/{inner}@{own or version}"


def walk(node: Any) -> Iterator[Any]:
    yield node
    for child in node.children:
        yield from walk(child)


def properties(body: Any) -> dict[str, Any]:
    """The properties of an object: name to node of the value. Computed names are `${...}`."""
    found = {}
    for each in body.named_children if body is not None else ():
        if each.type == "object_property" and len(each.named_children) == 2:
            found[each.named_children[0].text.decode().strip("'")] = each.named_children[1]
    return found


def at(body: Any, *path: str) -> Any:
    """Node of the value at `path` in an object; None when there is none."""
    for step in path:
        body = properties(body).get(step)
    return body


def text_of(node: Any) -> str:
    return "" if node is None else node.text.decode()


def literal(node: Any) -> str | None:
    """The text of a string without interpolation, or of a number or truth value."""
    if node is None or node.type not in ("string", "number", "boolean"):
        return None
    if any(each.type == "interpolation" for each in node.children):
        return None
    return text_of(node).strip("'")


def all_files() -> tuple[File, ...]:
    return tuple(File(name) for name in FILES)


def all_resources() -> list[Resource]:
    return [resource for file in all_files() for resource in file.resources]
