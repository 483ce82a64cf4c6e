"""What a part is called: parameters of a field (RFC 2045, 2231), and file names made of them. Pure.

A name is what many programs write wrongly, so each usual mistake is understood: encoded words in
quotes, no quotes around blanks, a path in front, the name in the place of the disposition.
"""

import re
from mimetypes import MimeTypes
from urllib.parse import unquote_to_bytes

from function_app.mime.fields import Field, first
from function_app.mime.text import text_of, text_of_field

_PARAMETER = re.compile(
    rb';[ \t]*+([^\s=;"*]++)(\*?(?:\d{1,3})?)(\*?)[ \t]*+=[ \t]*+'
    rb'(?:"((?:[^"\\]|\\.)*+)"?|([^;]*+))'
)
_LONGEST_TO_READ = 16 * 1024
_LONGEST_NAME = 200
_LONGEST_EXTENSION = 20
# Controls, and what turns the direction of writing, so that gpj.exe reads exe.jpg.
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]+")
_PATH = re.compile(r".*[/\\]")
_TYPES = MimeTypes()  # Python's own table, not the machine's
_EXTENSIONS = {
    "text/calendar": ".ics",
    "text/vcard": ".vcf",
    "text/x-vcard": ".vcf",
    "application/xml": ".xml",
    "application/rtf": ".rtf",
    "application/octet-stream": ".bin",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
    "message/delivery-status": ".txt",
    "message/disposition-notification": ".txt",
    "text/rfc822-headers": ".txt",
}


def parameter(field: Field | None, name: str) -> str:
    """Of a Content-Type or a Content-Disposition, decoded; "" when there is none."""
    value = field.value if field else b""
    plain = ""
    extended: dict[int, tuple[bytes, bool]] = {}
    # A field may begin with a parameter, for want of what should stand there.
    for key, number, star, quoted, unquoted in _PARAMETER.findall(b";" + value[:_LONGEST_TO_READ]):
        if key.decode("ascii", "replace").lower() != name:
            continue
        octets = re.sub(rb'\\(["\\])', rb"\1", quoted) if quoted else unquoted.strip()
        if number:
            place = int(number[1:] or b"0")
            extended.setdefault(place, (octets, bool(star) or number == b"*"))
        else:
            plain = plain or text_of_field(octets)
    return _joined(extended) or plain


def file_name(fields: list[Field]) -> str:
    """What the part with these fields is called; "" when it has no name."""
    disposition, content_type = first(fields, "content-disposition"), first(fields, "content-type")
    token = text_of_field(disposition.value.partition(b";")[0]) if disposition else ""
    candidates = (
        parameter(disposition, "filename"),
        parameter(content_type, "name"),
        token if "." in token and "=" not in token else "",
    )
    return next(filter(None, map(_clean, candidates)), "")


def titled(title: str) -> str:
    """A title as a name without an extension; "" when nothing is left of it."""
    return _clean(title.replace("/", "-").replace("\\", "-"))


def extension_of(kind: str) -> str:
    return _EXTENSIONS.get(kind) or _TYPES.guess_extension(kind) or ".bin"


def _joined(extended: dict[int, tuple[bytes, bool]]) -> str:
    """The segments of RFC 2231 §3 and §4, up to the first that is missing."""
    charset, found = "", b""
    for place in range(len(extended)):
        if place not in extended:
            break
        octets, is_encoded = extended[place]
        if place == 0 and is_encoded and octets.count(b"'") >= 2:
            name, _, octets = octets.split(b"'", 2)
            charset = name.decode("ascii", "replace")
        found += unquote_to_bytes(octets) if is_encoded else octets
    return text_of(found, charset)


def _clean(name: str) -> str:
    """`name` without a path and without what cannot be seen; "" when nothing is left."""
    name = _PATH.sub("", _UNSEEN.sub("", name).strip()).strip(" .")
    if len(name) <= _LONGEST_NAME:
        return name
    stem, dot, extension = name.rpartition(".")
    is_extension = bool(stem) and len(extension) <= _LONGEST_EXTENSION
    return stem[:_LONGEST_NAME] + dot + extension if is_extension else name[:_LONGEST_NAME]
