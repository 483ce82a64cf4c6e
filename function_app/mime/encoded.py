"""What encodings hide: encoded words in a header, quoted-printable in a body. Pure."""

import re
from binascii import Error as Base64Error
from binascii import a2b_base64, a2b_qp, b2a_base64

_OCTETS_IN_LINE = 57  # 76 in base64: RFC 2045 §6.8
_ENCODED_WORD = re.compile(rb"=\?[^?\s]++\?([BbQq])\?([^?\s]*+)\?=")


def with_words_decoded(value: bytes) -> bytes:
    """`value` with the octets of its encoded words (RFC 2047), in whatever charset they are."""
    return _ENCODED_WORD.sub(_octets_of_word, value)


def quoted_printable_to_base64(content: bytes) -> bytes:
    """The same octets in base64, in lines that end in CRLF. What is broken stays as it reads."""
    octets = a2b_qp(content)
    lines = bytearray()
    for start in range(0, len(octets), _OCTETS_IN_LINE):
        lines += b2a_base64(octets[start : start + _OCTETS_IN_LINE], newline=False) + b"\r\n"
    if not content.endswith(b"\r\n"):
        del lines[-2:]
    return bytes(lines)


def _octets_of_word(word: re.Match[bytes]) -> bytes:
    if word[1] in b"Qq":
        return a2b_qp(word[2], header=True)
    try:
        return a2b_base64(word[2])
    except Base64Error:
        return word[2]
