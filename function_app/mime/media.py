"""What a part says about its content: type, boundary, transfer encoding. Pure."""

import re
from dataclasses import dataclass

from function_app.mime.fields import Field

_TYPE = re.compile(rb"([A-Za-z0-9!#$&^_.+-]++)[ \t]*/[ \t]*([A-Za-z0-9!#$&^_.+-]++)")
_PARAMETER = re.compile(rb';[ \t]*+([^\s=;"]++)[ \t]*+=[ \t]*+(?:"((?:[^"\\]|\\.)*+)"?|([^\s;]*+))')
_LONGEST_TO_READ = 64 * 1024
_UNREADABLE = "application/octet-stream"
_AS_IT_IS = frozenset({"", "7bit", "8bit", "binary"})
_SEALED = frozenset({"multipart/signed", "multipart/encrypted"})
_SECURE = _SEALED | {
    "application/pkcs7-mime",
    "application/x-pkcs7-mime",
    "application/pgp",
    "application/pgp-encrypted",
}


@dataclass(frozen=True, slots=True)
class Media:
    """The content of one part."""

    type: str
    """In lower case, without parameters."""
    boundary: bytes
    """Of a multipart; b"" when it tells none."""
    encoding: str
    """Content-Transfer-Encoding in lower case; "" when there is none, "?" when there are two."""

    @property
    def is_multipart(self) -> bool:
        return self.type.startswith("multipart/") and bool(self.boundary)

    @property
    def is_message(self) -> bool:
        """Whether the content is a message that can be read in place."""
        return self.type in ("message/rfc822", "message/global") and self.encoding in _AS_IT_IS

    @property
    def is_sealed(self) -> bool:
        """Whether every octet inside counts."""
        return self.type in _SEALED

    @property
    def is_secure(self) -> bool:
        """Whether it is signed or encrypted, by S/MIME (RFC 8551) or PGP/MIME (RFC 3156)."""
        return self.type in _SECURE


def read_media(fields: list[Field], default: str) -> Media:
    """`default` is the type of a part that tells none (RFC 2046 §5.1)."""
    types = [field for field in fields if field.name == "content-type"]
    encodings = [field for field in fields if field.name == "content-transfer-encoding"]
    encoding = _read_encoding(encodings[0]) if encodings else ""
    if len(types) > 1 or len(encodings) > 1:
        encoding = "?"  # nobody knows which one a reader takes
    if not types:
        return Media(default, b"", encoding)
    value = types[0].value if len(types[0].raw) <= _LONGEST_TO_READ else b""
    found = _TYPE.match(value)
    if found is None:
        return Media(_UNREADABLE, b"", encoding)
    name = b"/".join(found.groups()).decode("ascii").lower()
    return Media(name, _read_boundary(value), encoding)


def _read_encoding(field: Field) -> str:
    return field.value[:40].decode("ascii", "replace").lower()


def _read_boundary(value: bytes) -> bytes:
    for name, quoted, plain in _PARAMETER.findall(value):
        if name.lower() == b"boundary":
            unquoted = re.sub(rb"\\(.)", rb"\1", quoted) if quoted else plain
            return bytes(unquoted).rstrip(b" \t")
    return b""
