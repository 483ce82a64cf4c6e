"""Octets as text: charsets, and the encoded words of a header (RFC 2047). Pure.

Whatever stands there, text comes out. What a charset is called and what is meant differ; the
meaning is that of the WHATWG Encoding Standard, by which browsers and mail programs read.
"""

import codecs
import re
from binascii import Error as Base64Error
from binascii import a2b_base64, a2b_qp

_MEANT = {
    "utf-8": "utf-8-sig",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "euc_kr": "cp949",
    "shift_jis": "cp932",
    "big5": "big5hkscs",
}
"""By Python's names of the charsets."""
_NO_CHARSETS = frozenset(
    {"ascii", "idna", "punycode", "unicode-escape", "raw-unicode-escape", "undefined"}
)
"""ASCII is what many say who do not know."""
_LONGEST_FIELD = 64 * 1024
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:+-]{0,39}")
_WORD = re.compile(rb"=\?([^?\s*]++)[^?\s]*+\?([BbQq])\?([^?\s]*+)\?=")


def text_of(octets: bytes, charset: str) -> str:
    """`octets` as text in `charset`, or in the one that they are more likely in."""
    codec = _codec(charset)
    for likely in (codec, "utf-8-sig", "cp1252"):
        try:
            if likely:
                return octets.decode(likely)
        except UnicodeError:
            continue
    return octets.decode(codec or "cp1252", "replace")


def text_of_field(value: bytes) -> str:
    """An unfolded field value with its encoded words decoded; its beginning, if it has no end."""
    value = value[:_LONGEST_FIELD]
    pieces: list[tuple[str, bytes]] = []
    position = 0
    for word in _WORD.finditer(value):
        between = value[position : word.start()]
        charset, octets = word[1].decode("ascii", "replace").lower(), _octets_of_word(word)
        # White space between two words is for their separation only, and one character may be
        # spread over both.
        if position and not between.strip():
            if pieces[-1][0] == charset:
                octets = pieces.pop()[1] + octets
        else:
            pieces.append(("", between))
        pieces.append((charset, octets))
        position = word.end()
    pieces.append(("", value[position:]))
    return "".join(text_of(octets, charset) for charset, octets in pieces)


def _octets_of_word(word: re.Match[bytes]) -> bytes:
    if word[2] in b"Qq":
        return a2b_qp(word[3], header=True)
    try:
        return a2b_base64(word[3] + b"==")
    except Base64Error:
        return word[0]


def _codec(charset: str) -> str:
    """Python's name for it; "" when it is none, or says nothing."""
    if not _NAME.fullmatch(charset):
        return ""
    try:
        codec = codecs.lookup(charset).name
        b"a".decode(codec)
    except LookupError:  # not known, or no charset: Python has codecs for other things too
        return ""
    except UnicodeError:
        pass  # one letter is half a character in some
    return "" if codec in _NO_CHARSETS else _MEANT.get(codec, codec)
