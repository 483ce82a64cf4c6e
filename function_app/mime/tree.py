"""The parts of a mail as a tree, and which of them is its text. Pure.

The text is HTML where there is a choice (RFC 2046 §5.1.4), the root of what belongs together (RFC
2387), and otherwise the first that is no file.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from function_app.mime.fields import Field, first
from function_app.mime.names import file_name, parameter
from function_app.mime.parts import Part
from function_app.mime.transfer import KNOWN

_SHOWN = frozenset({"text/plain", "text/html"})
_RENDITIONS = _SHOWN | {"text/enriched", "text/richtext", "text/x-amp-html"}
_LONGEST_ID = 300


@dataclass(frozen=True, slots=True)
class Node:
    """A part, and those inside it."""

    part: Part
    inside: list["Node"]


def tree_of(parts: list[Part]) -> Node:
    """`parts` as they lie inside each other; the first holds all others."""
    nodes = [Node(part, []) for part in parts]
    around: list[Node] = []
    for node in nodes:
        del around[node.part.depth :]
        if around:
            around[-1].inside.append(node)
        around.append(node)
    return nodes[0]


def is_readable(node: Node) -> bool:
    """Whether all that holds parts could be taken apart, and every leaf can be decoded."""
    if node.inside:
        return all(map(is_readable, node.inside))
    media = node.part.media
    return not media.type.startswith("multipart/") and media.encoding in KNOWN


def texts_in(node: Node) -> list[Part]:
    """What could be the text, the best first."""
    if not node.inside:
        kind = node.part.media.type
        return [node.part] if kind in _SHOWN and not is_file(node.part) else []
    if node.part.media.type == "multipart/alternative":
        texts = [text for child in reversed(node.inside) for text in texts_in(child)]
        return sorted(texts, key=lambda text: text.media.type != "text/html")
    return next(filter(None, map(texts_in, _from_root(node))), [])


def others_in(node: Node, text: Part | None) -> Iterator[Part]:
    """All leaves but `text`, and but other renditions of it."""
    if not node.inside:
        if node.part is not text:
            yield node.part
        return
    is_choice = node.part.media.type == "multipart/alternative" and _holds(node, text)
    for child in node.inside:
        may_go = is_choice and not _holds(child, text)
        for leaf in others_in(child, text):
            if not (may_go and leaf.media.type in _RENDITIONS and not is_file(leaf)):
                yield leaf


def is_file(part: Part) -> bool:
    """Whether a leaf wants to be one. The whole mail never does."""
    disposition = first(part.fields, "content-disposition")
    token = disposition.value.partition(b";")[0].strip().lower() if disposition else b""
    # What nobody knows is an attachment: RFC 2183 §2.8.
    return part.depth > 0 and (token not in (b"", b"inline") or bool(file_name(part.fields)))


def content_id(fields: list[Field]) -> str:
    """Without angle brackets; "" when there is none."""
    field = first(fields, "content-id")
    text = field.value[:_LONGEST_ID].decode("ascii", "ignore") if field else ""
    return text.strip(" \t<>")


def _from_root(node: Node) -> list[Node]:
    """The parts of a multipart; of multipart/related, the root in front."""
    if node.part.media.type != "multipart/related":
        return node.inside
    start = parameter(first(node.part.fields, "content-type"), "start").strip("<>")
    return sorted(node.inside, key=lambda child: content_id(child.part.fields) != (start or None))


def _holds(node: Node, part: Part | None) -> bool:
    return node.part is part or any(_holds(child, part) for child in node.inside)
