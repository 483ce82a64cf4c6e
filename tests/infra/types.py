"""Hold Bicep resources against Azure's own definitions of their types.

Knows what data/resource-types.json knows: which properties there are, which are needed, which words
a property takes. What an expression yields is left alone, unless it is a choice between literals.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.infra.bicep import File, Resource, properties, text_of

_DATA = Path(__file__).parent / "data" / "resource-types.json"
KNOWN: dict[str, Any] = json.loads(_DATA.read_text("utf-8"))
# Bicep's own, and those that only say what a resource belongs to.
_EVERYWHERE = {"scope", "parent", "dependsOn"}
_FORMS = {"object": "object", "array": "array", "string": "string", "number": "int"}
_FORMS |= {"boolean": "bool"}
Place = str


def faults_of(file: File, resource: Resource) -> list[str]:
    """What is wrong with `resource`, one line each."""
    known = KNOWN[resource.type_name]
    checker = _Checker(file, known["types"])
    return list(checker.check_body(resource, known["body"]))


class _Checker:
    def __init__(self, file: File, types: dict[str, Any]) -> None:
        self._file = file
        self._types = types

    def check_body(self, resource: Resource, shape: Any) -> Iterator[Place]:
        own = {key for key in properties(resource.body) if key in _EVERYWHERE}
        yield from self._check_object(resource.body, shape, own)

    def _check_object(self, node: Any, shape: Any, ignored: set[str]) -> Iterator[Place]:
        given = properties(node)
        if isinstance(shape, list):
            shape = self._chosen(given, shape)
            if shape is None:
                yield self._fault(node, "none of the forms that it may have")
                return
        if "*" in shape or not shape:
            return
        for key, value in given.items():
            if key in ignored or not re.fullmatch(r"\w+", key):
                continue
            if key not in shape:
                yield self._fault(value, f"unknown property {key}")
            else:
                yield from self._check(value, key, shape[key].removesuffix("!"))
        for key in self._missing(node, shape, given):
            yield self._fault(node, f"property {key} is missing")

    @staticmethod
    def _missing(node: Any, shape: Any, given: dict[str, Any]) -> list[str]:
        # A child resource has no property of its own for what its type needs at the top.
        needed = [key for key, text in shape.items() if text.endswith("!")]
        return [key for key in needed if key not in given]

    def _check(self, node: Any, key: str, text: str) -> Iterator[Place]:
        for value in self._alternatives(node):
            form = _FORMS.get(value.type)
            inner = text.strip("()").removesuffix("[]")
            if value.type == "null" or form is None or text in ("any", "object"):
                continue
            if text.endswith("[]"):
                if form != "array":
                    yield self._fault(value, f"{key} is a list")
                for each in value.named_children if form == "array" else ():
                    yield from self._check(each, key, inner)
            elif text in self._types:
                if form == "object":
                    yield from self._check_object(value, self._types[text], set())
                else:
                    yield self._fault(value, f"{key} is an object")
            else:
                yield from self._check_plain(value, key, text)

    def _check_plain(self, value: Any, key: str, text: str) -> Iterator[Place]:
        words = [word.strip() for word in text.split("|")]
        form = _FORMS[value.type]
        if form in words:
            known = [word for word in words if word not in _FORMS.values()]
            given = text_of(value).strip("'")
            # `| string` lets in words that are not known yet, and with them every slip of the pen.
            if known and "${" not in given and given not in known:
                yield self._fault(value, f"{key} is none of {', '.join(known)}")
        elif form != "string" or all(word in _FORMS.values() for word in words):
            yield self._fault(value, f"{key} is {text}, not {form}")
        elif "${" not in text_of(value) and text_of(value).strip("'") not in words:
            yield self._fault(value, f"{key} is none of {', '.join(words)}")

    def _alternatives(self, node: Any) -> Iterator[Any]:
        """The literals that `node` may be; itself when nothing is known of it."""
        node = self._file.value_of(node)
        if node.type == "ternary_expression":
            for branch in node.named_children[1:]:
                yield from self._alternatives(branch)
        elif node.type == "call_expression" and text_of(node.named_children[0]) == "concat":
            for argument in node.named_children[1].named_children:
                yield from self._alternatives(argument)
        else:
            yield node

    def _chosen(self, given: dict[str, Any], shapes: list[Any]) -> Any:
        """The one of `shapes` whose fixed word is the given one: `name: 'appsettings'`."""
        for shape in shapes:
            fixed = {key: text.removesuffix("!") for key, text in shape.items()}
            if any(text_of(value).strip("'") == fixed.get(key) for key, value in given.items()):
                return shape
        return None

    def _fault(self, node: Any, what: str) -> Place:
        return f"{self._file.name}:{node.start_point[0] + 1}: {what}"
