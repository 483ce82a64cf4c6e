"""A mail as its reader sees it: one text, and files. Pure.

For providers that take no MIME of that size. Nothing is lost, but for renditions of the text that
are worse than the one that is shown. A mail that cannot be taken apart is a file itself.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from function_app.mime.body import TELLS_RECIPIENTS
from function_app.mime.fields import Field, HeaderTooLarge, first, read_fields
from function_app.mime.names import extension_of, file_name, parameter, titled
from function_app.mime.parts import Part, outline
from function_app.mime.splice import Section, Splice, section_of
from function_app.mime.text import text_of, text_of_field
from function_app.mime.transfer import Decoded
from function_app.mime.tree import content_id, is_readable, others_in, texts_in, tree_of
from handoff.octets import Octets

_MOST_FILES = 250
"""As many as Exchange takes."""
_LONGEST_TEXT = 2_000_000
_CID = re.compile(r"""\bcid:([^"'\s<>)]{1,300})""", re.IGNORECASE)
_META_CHARSET = re.compile(
    rb"""<meta[^>]{1,200}charset\s*=\s*["']?([A-Za-z0-9._:+-]{1,40})""", re.I
)
_NOT_APART = "This mail could not be taken apart. It is attached as it came: {}"
_TOO_LONG = "The text of this mail is too long to be shown here. It is attached: {}"


@dataclass(frozen=True)
class Text:
    """What is shown at once."""

    content: str
    is_html: bool = False


@dataclass(frozen=True)
class File:
    """What is attached, or shown within the text."""

    name: str
    media_type: str
    content: Decoded
    content_id: str = ""
    """By which HTML refers to it, without angle brackets."""
    is_inline: bool = False
    """The text shows it in its place."""


@dataclass(frozen=True)
class Contents:
    text: Text
    files: list[File]


def contents_of(fields: list[Field], body: Octets, fits: Callable[[str], bool]) -> Contents:
    """What a mail of these fields and this body shows. A text that does not fit is a file."""
    parts = outline(fields, body)
    tree = tree_of(parts) if parts else None
    if tree is None or not is_readable(tree) or len(list(others_in(tree, None))) > _MOST_FILES:
        whole = _whole(fields, body)
        return Contents(Text(_NOT_APART.format(whole.name)), [whole])
    choice = texts_in(tree)
    for rank, shown in enumerate(choice):
        text = _text(shown, body)
        if text is not None and fits(text.content):
            # What is better than the text that is shown must not go with what is worse.
            others = others_in(tree, shown) if rank == 0 else _but(shown, others_in(tree, None))
            return Contents(text, _files(list(others), body, _ids_in(text)))
    leaves = list(others_in(tree, None))
    files = _files(leaves, body, frozenset())
    if not choice:
        return Contents(Text(""), files)
    names = (file.name for file, leaf in zip(files, leaves, strict=True) if leaf is choice[0])
    return Contents(Text(_TOO_LONG.format(next(names))), files)


def _but(text: Part, leaves: Iterable[Part]) -> Iterator[Part]:
    return (leaf for leaf in leaves if leaf is not text)


def _text(part: Part, body: Octets) -> Text | None:
    """None when it is too long to be read."""
    content = _content(part, body)
    if content.size > _LONGEST_TEXT:
        return None
    octets, is_html = content.whole(), part.media.type == "text/html"
    charset = parameter(first(part.fields, "content-type"), "charset")
    if is_html and not charset:
        told = _META_CHARSET.search(octets[:4096])
        charset = told[1].decode("ascii") if told else ""
    return Text(text_of(octets, charset).replace("\0", ""), is_html)


def _ids_in(text: Text) -> frozenset[str]:
    """The Content-IDs of what the text shows within itself."""
    return frozenset(map(unquote, _CID.findall(text.content))) if text.is_html else frozenset()


def _files(leaves: list[Part], body: Octets, shown_ids: frozenset[str]) -> list[File]:
    return [
        File(
            name=_name(leaf, body, number),
            media_type=leaf.media.type,
            content=_content(leaf, body),
            content_id=content_id(leaf.fields),
            is_inline=content_id(leaf.fields) in shown_ids,
        )
        for number, leaf in enumerate(leaves, 1)
    ]


def _name(leaf: Part, body: Octets, number: int) -> str:
    stem = "text" if leaf.media.type in ("text/plain", "text/html") else "attachment"
    made_up = f"{stem}-{number}{extension_of(leaf.media.type)}"
    if leaf.media.is_message:
        made_up = _title(leaf, body) or made_up
    return file_name(leaf.fields) or made_up


def _title(message: Part, body: Octets) -> str:
    """The subject of an attached message as a name."""
    try:
        fields, _ = read_fields(body, message.content, 1_000)
    except HeaderTooLarge:
        return ""
    subject = first(fields, "subject")
    title = titled(text_of_field(subject.value)) if subject else ""
    return f"{title}.eml" if title else ""


def _content(part: Part, body: Octets) -> Decoded:
    return Decoded(section_of(body, part.content, part.end), part.media.encoding)


def _whole(fields: list[Field], body: Octets) -> File:
    shown = [field.raw for field in fields if field.name not in TELLS_RECIPIENTS]
    head = b"".join([*shown, b"\r\n"])
    octets = Splice([Section(head, 0, len(head)), Section(body, 0, len(body))])
    return File("mail.eml", "message/rfc822", Decoded(octets, ""))
