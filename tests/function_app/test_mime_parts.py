"""Where the parts of a mail stand, and what a change of them leaves alone."""

from base64 import b64decode
from quopri import decodestring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from function_app.mime.body import clean
from function_app.mime.encoded import quoted_printable_to_base64, with_words_decoded
from function_app.mime.fields import a_field, split
from function_app.mime.media import read_media
from function_app.mime.parts import Part, walk

HIDDEN = "hidden@x.org"
BCC = b"Bcc: hidden@x.org\r\n"
QP = b"Content-Transfer-Encoding: quoted-printable\r\n"
MIXED = b"Content-Type: multipart/mixed; boundary=b\r\n"
MESSAGE = b"Content-Type: message/rfc822\r\n"


def parts_of(mail: bytes) -> tuple[list[Part], bytes]:
    fields, body = split(mail)
    return walk(fields, body), body[:]


def leaves_of(mail: bytes) -> list[tuple[str, bytes]]:
    parts, body = parts_of(mail)
    return [(part.media.type, body[part.content : part.end]) for part in parts if part.is_leaf]


def cleaned(mail: bytes, *to: str) -> bytes:
    fields, body = split(mail)
    content = clean(fields, body, to or (HIDDEN,))
    return b"".join(field.raw for field in content.fields) + b"\r\n" + content.body[:]


SHAPES = {
    "no multipart": (b"\r\n--b\r\n\r\nx", [("text/plain", b"--b\r\n\r\nx")]),
    "two parts": (
        MIXED + b"\r\nintro\r\n--b\r\n\r\none\r\n--b\r\nContent-Type: a/b\r\n\r\ntwo\r\n--b--",
        [("text/plain", b"one"), ("a/b", b"two")],
    ),
    "blanks behind": (MIXED + b"\r\n--b \t\r\n\r\none\r\n--b-- ", [("text/plain", b"one")]),
    "no end": (MIXED + b"\r\n--b\r\n\r\none", [("text/plain", b"one")]),
    "a longer line": (
        MIXED + b"\r\n--b\r\n\r\none\r\n--bb\r\n --b\r\n--\r\n--b--",
        [("text/plain", b"one\r\n--bb\r\n --b\r\n--")],
    ),
    "an epilogue": (
        MIXED + b"\r\n--b\r\n\r\none\r\n--b--\r\n--b\r\n\r\nx",
        [("text/plain", b"one")],
    ),
    "no content": (MIXED + b"\r\n--b\r\n\r\n--b\r\nX: y\r\n--b--",
                   [("text/plain", b""), ("text/plain", b"")]),
    "no empty line": (MIXED + b"\r\n--b\r\nX: y\r\ntext\r\n--b--", [("text/plain", b"text")]),
    "an inner one without an end": (
        MIXED + b"\r\n--b\r\nContent-Type: multipart/x; boundary=c\r\n\r\n"
        b"--c\r\n\r\none\r\n--b\r\n\r\ntwo",
        [("text/plain", b"one"), ("text/plain", b"two")],
    ),
    "the same boundary inside": (
        MIXED + b"\r\n--b\r\n" + MIXED + b"\r\n--b\r\n\r\none\r\n--b--\r\n--b\r\n\r\ntwo\r\n--b--",
        [("text/plain", b"one"), ("text/plain", b"two")],
    ),
    "a message": (MESSAGE + b"\r\nSubject: x\r\n\r\none", [("text/plain", b"one")]),
    "a message in base64": (
        MESSAGE + b"Content-Transfer-Encoding: base64\r\n\r\nQQ==", [("message/rfc822", b"QQ==")],
    ),
    "a digest": (
        b"Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\nSubject: x\r\n\r\none",
        [("text/plain", b"one")],
    ),
    "signed": (
        b"Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\none",
        [("multipart/signed", b"--b\r\n\r\none")],
    ),
    "a boundary with hyphens": (
        b'Content-Type: multipart/x; boundary="--b--"\r\n\r\n----b--\r\n\r\none\r\n----b----\r\n',
        [("text/plain", b"one")],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("mail", "expected"), SHAPES.values(), ids=SHAPES)
def test_parts_are_found_where_they_stand(mail: bytes, expected: list[tuple[str, bytes]]) -> None:
    assert expected == leaves_of(mail)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (b"multipart/mixed; boundary=b", ("multipart/mixed", b"b")),
        (b'MultiPart/Mixed;BOUNDARY="a; b\\"c "', ("multipart/mixed", b'a; b"c')),
        (b'multipart/x; name="; boundary=no"; boundary=yes', ("multipart/x", b"yes")),
        (b'multipart/x; boundary="open', ("multipart/x", b"open")),
        (b"multipart/x; boundary = b ; y=z", ("multipart/x", b"b")),
        (b"multipart/x", ("multipart/x", b"")),
        (b"text / html", ("text/html", b"")),
        (b"text", ("application/octet-stream", b"")),
        (b"", ("application/octet-stream", b"")),
        (b"text/plain; x=" + b"y" * 70_000, ("application/octet-stream", b"")),
    ],
)
def test_what_a_part_says_about_itself_is_read(written: bytes, expected: tuple[str, bytes]) -> None:
    media = read_media([a_field("Content-Type", written)], "text/plain")

    assert expected == (media.type, media.boundary)


def nested(depth: int) -> bytes:
    levels = (
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (level, level)
        for level in range(depth)
    )
    return b"".join(levels) + BCC + b"\r\nx"


def nested_messages(depth: int) -> bytes:
    return (MESSAGE + b"\r\n") * depth + BCC + b"\r\nx"


def side_by_side(count: int) -> bytes:
    return MIXED + b"\r\n" + b"--b\r\n\r\n\r\n" * (count - 1) + b"--b\r\n" + BCC + b"\r\nx"


def among_hyphens(count: int) -> bytes:
    return MIXED + b"\r\n" + b"--x\r\n" * count + b"--b\r\n" + BCC + b"\r\nx"


@pytest.mark.parametrize(
    ("mail", "within", "beyond"),
    [
        (nested, 100, 101),
        (nested_messages, 100, 101),
        (side_by_side, 999, 1_001),
        (among_hyphens, 190_000, 210_000),
    ],
)
def test_beyond_a_limit_nothing_is_touched(mail: object, within: int, beyond: int) -> None:
    assert callable(mail)
    assert mail(within).replace(BCC, b"") == cleaned(mail(within))
    assert mail(beyond) == cleaned(mail(beyond))


def test_beyond_the_limit_of_fields_nothing_is_touched() -> None:
    mail = MIXED + b"\r\n--b\r\n" + b"X: y\r\n" * 9_990 + b"\r\nx\r\n--b\r\n" + BCC + b"\r\nx"

    assert mail.replace(BCC, b"") == cleaned(mail)
    assert (longer := mail.replace(b"X: y\r\n", b"X: y\r\n" * 11, 1)) == cleaned(longer)


# Who got a blind copy

LIKE_BCC = [b"Bcc", b"BCC ", b"Resent-Bcc", b"Apparently-To", b"X-Receiver", b"X-Envelope-To"]


@pytest.mark.parametrize("name", [*LIKE_BCC, b"Envelope-To", b"X-Rcpt-To"])
def test_no_part_tells_who_got_a_blind_copy(name: bytes) -> None:
    field = name + b": someone@y.org,\r\n\thidden@x.org\r\n"
    mail = MIXED + b"\r\n--b\r\n" + field + b"X: y\r\n" + field + b"\r\n" + field + b"\r\n--b--\r\n"
    plain = MIXED + b"\r\n--b\r\nX: y\r\n\r\n" + field + b"\r\n--b--\r\n"

    assert plain == cleaned(mail)


def test_a_part_of_nothing_but_a_blind_copy_stays_a_part() -> None:
    assert MIXED + b"\r\n--b\r\n--b--" == cleaned(MIXED + b"\r\n--b\r\n" + BCC + b"--b--")


@pytest.mark.parametrize("kind", [b"signed", b"encrypted"])
def test_under_a_seal_every_octet_stays(kind: bytes) -> None:
    sealed = (
        b"Content-Type: multipart/" + kind + b"; boundary=s\r\n\r\n--s\r\n" + BCC + QP + b"\r\n=41"
    )
    inside = MIXED + b"\r\n--b\r\n" + BCC + sealed + b"\r\n--b\r\n" + BCC + b"\r\nx\r\n--b--"

    assert sealed == cleaned(sealed)
    assert inside.replace(BCC, b"", 1).replace(b"--b\r\n" + BCC, b"--b\r\n") == cleaned(inside)


def test_an_attached_message_hides_the_recipients_of_this_mail_alone() -> None:
    other = b"Bcc: someone@y.org\r\n"
    mail = MIXED + b"\r\n--b\r\n" + MESSAGE + b"\r\n" + other + b"%sTo: hidden@x.org\r\n\r\nx"

    assert mail % b"" == cleaned(mail % BCC)
    assert mail % BCC == cleaned(mail % BCC, "ann@contoso.com")


def test_what_is_too_long_to_be_read_goes() -> None:
    many = b"Bcc: " + b"someone@y.org, " * 10_000 + b"\r\n"
    mail = MIXED + b"\r\n--b\r\n" + MESSAGE + b"\r\n%s\r\nx"

    assert mail % b"" == cleaned(mail % many)


# Quoted-printable


@given(st.binary(max_size=300), st.sampled_from([b"", b"\r\n"]))
def test_base64_has_the_octets_of_quoted_printable(text: bytes, end: bytes) -> None:
    content = text + end
    found = quoted_printable_to_base64(content)

    assert decodestring(content) == b64decode(found)
    assert max(map(len, found.split(b"\r\n"))) <= 76
    assert not found or (found.endswith(b"\r\n") == content.endswith(b"\r\n"))


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Type: application/xml\r\n" + QP,
        b"Content-Type: text/plain\r\nContent-Type: text/html\r\n" + QP,
        QP + b"Content-Transfer-Encoding: 7bit\r\n",
        b"Content-Type: what\r\n" + QP,
        b"Content-Type: text/plain\r\n",
        MESSAGE + b"\r\nContent-Type: text/plain\r\n" + QP,
        b"DKIM-Signature: v=1\r\n" + QP,
    ],
    ids=["no text", "two types", "two encodings", "no type", "no encoding", "attached", "DKIM"],
)
def test_what_is_no_text_in_quoted_printable_stays(head: bytes) -> None:
    assert head + b"\r\n=41=\r\n" == cleaned(head + b"\r\n=41=\r\n")


def test_a_text_of_no_type_is_plain() -> None:
    assert b"Content-Transfer-Encoding: base64\r\n\r\nQQ==" == cleaned(QP + b"\r\n=41")


# Encoded words


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (b"a =?utf-8?q?b_=40?= c", b"a b @ c"),
        (b"=?utf-8?B?QA==?=", b"@"),
        (b"=?utf-8?B?Q?=", b"Q"),
        (b"=?utf-8?x?QA?=", b"=?utf-8?x?QA?="),
        (b"=?=?=?", b"=?=?=?"),
    ],
)
def test_encoded_words_are_seen_through(written: bytes, expected: bytes) -> None:
    assert expected == with_words_decoded(written)
