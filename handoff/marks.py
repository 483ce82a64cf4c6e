"""What became of each recipient of a mail, one character a forward path of its ticket. Pure.

"" says the same of all: nobody has it yet.
"""

from collections.abc import Callable, Collection

OPEN = "."
SENT = "s"
REFUSED = "x"
IN_DOUBT = "?"
"""An attempt is under way, or nobody knows whether it has sent the mail."""


def marked(marks: str, paths: tuple[str, ...], some: Collection[str], mark: str) -> str:
    """`marks` of `paths`, with `mark` for `some` of them."""
    marks = marks or OPEN * len(paths)
    pairs = zip(paths, marks, strict=True)
    return "".join(mark if path in some else old for path, old in pairs)


def with_mark(marks: str, paths: tuple[str, ...], *wanted: str) -> tuple[str, ...]:
    """Those of `paths` that have one of the marks `wanted`."""
    marks = marks or OPEN * len(paths)
    return tuple(path for path, mark in zip(paths, marks, strict=True) if mark in wanted)


def each_as_first(paths: tuple[str, ...], normal: Callable[[str], str]) -> tuple[str, ...]:
    """`paths` with every other spelling of an earlier one replaced by that."""
    first: dict[str, str] = {}
    return tuple(first.setdefault(normal(path), path) for path in paths)
