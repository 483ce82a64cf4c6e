"""What a reader sees of a mail that is taken apart: its text, and its files."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from function_app.mime.contents import Contents, contents_of
from function_app.mime.fields import split
from handoff.octets import with_crlf

TOP = "From: scan@contoso.com\nContent-Type: "
PLAIN = "Content-Type: text/plain; charset=utf-8\n\nplain"
HTML = "Content-Type: text/html\n\n<p>html</p>"
HTML_WITH_IMAGE = 'Content-Type: text/html\n\n<img src="cid:one@x">'
IMAGE = "Content-Type: image/png\nContent-ID: <one@x>\nContent-Transfer-Encoding: base64\n\nUE5H"
PDF = (
    "Content-Type: application/pdf; name=a.pdf\nContent-Transfer-Encoding: base64\n"
    "Content-Disposition: attachment\n\nUERG"
)
NOTE = "Content-Type: text/plain; name=note.txt\n\nnote"
INVITE = "Content-Type: text/calendar; method=REQUEST\n\nBEGIN:VCALENDAR"
MESSAGE = "Content-Type: message/rfc822\n\nSubject: =?utf-8?q?In=C3=A4?=\n\nold\n--c\nx"


def several(kind: str, *parts: str, boundary: str = "b") -> str:
    inside = "".join(f"--{boundary}\n{part}\n" for part in parts)
    return f"Content-Type: multipart/{kind}; boundary={boundary}\n\n{inside}--{boundary}--\n"


def shown(mail: str | bytes, longest: int = 1_000_000) -> Contents:
    octets = mail.encode() if isinstance(mail, str) else mail
    fields, body = split(with_crlf(octets))
    return contents_of(fields, body, lambda text: len(text) <= longest)


def files_of(contents: Contents) -> list[tuple[str, str, bytes]]:
    return [(file.name, file.media_type, file.content.whole()) for file in contents.files]


PDF_FILE = ("a.pdf", "application/pdf", b"PDF")
SHAPES = {
    "text alone": (PLAIN, "plain", []),
    "html alone": (HTML, "<p>html</p>", []),
    "no type": ("Subject: x\n\nplain", "plain", []),
    "nothing": ("", "", []),
    "a named text alone": (NOTE, "note", []),
    "a file alone": (PDF, "", [PDF_FILE]),
    "a text and a file": (several("mixed", PLAIN, PDF), "plain", [PDF_FILE]),
    "a file and a text": (several("mixed", PDF, PLAIN), "plain", [PDF_FILE]),
    "html where there is a choice": (several("alternative", PLAIN, HTML), "<p>html</p>", []),
    "html in front": (several("alternative", HTML, PLAIN), "<p>html</p>", []),
    "the best is behind": (several("alternative", HTML, HTML + "2"), "<p>html</p>2", []),
    "no html": (several("alternative", PLAIN, INVITE), "plain",
                [("attachment-1.ics", "text/calendar", b"BEGIN:VCALENDAR")]),
    "an invitation": (several("alternative", PLAIN, HTML, INVITE), "<p>html</p>",
                      [("attachment-1.ics", "text/calendar", b"BEGIN:VCALENDAR")]),
    "an image in its place": (several("related", HTML_WITH_IMAGE, IMAGE),
                              '<img src="cid:one@x">', [("attachment-1.png", "image/png", b"PNG")]),
    "two texts": (several("mixed", PLAIN, HTML), "plain",
                  [("text-1.html", "text/html", b"<p>html</p>")]),
    "a text that is a file": (several("mixed", PLAIN, NOTE), "plain",
                              [("note.txt", "text/plain", b"note")]),
    "a text that is attached": (
        several("mixed", "Content-Disposition: attachment\n\nx", PLAIN), "plain",
        [("text-1.txt", "text/plain", b"x")],
    ),
    "nested": (
        several("mixed", several("alternative", PLAIN,
                                 several("related", HTML_WITH_IMAGE, IMAGE, boundary="d"),
                                 boundary="c"), PDF),
        '<img src="cid:one@x">', [("attachment-1.png", "image/png", b"PNG"), PDF_FILE],
    ),
    "a file within the choice": (
        several("alternative", PLAIN, several("mixed", HTML, PDF, boundary="c")),
        "<p>html</p>", [PDF_FILE],
    ),
    "a named file within the choice that was not taken": (
        several("alternative", several("mixed", PLAIN, NOTE, boundary="c"), HTML),
        "<p>html</p>", [("note.txt", "text/plain", b"note")],
    ),
    "two choices": (
        several("mixed", several("alternative", PLAIN, HTML, boundary="c"),
                several("alternative", PLAIN, HTML, boundary="d")),
        "<p>html</p>",
        [("text-1.txt", "text/plain", b"plain"), ("text-2.html", "text/html", b"<p>html</p>")],
    ),
    "an attached message": (
        several("mixed", PLAIN, MESSAGE), "plain",
        [("Inä.eml", "message/rfc822", b"Subject: =?utf-8?q?In=C3=A4?=\r\n\r\nold\r\n--c\r\nx")],
    ),
    "an attached message that is a multipart": (
        several("mixed", PLAIN, "Content-Type: message/rfc822\n\n"
                + several("mixed", HTML, PDF, boundary="c") + "end"), "plain",
        [("attachment-1.eml", "message/rfc822",
          with_crlf((several("mixed", HTML, PDF, boundary="c") + "end").encode()))],
    ),
    "a digest": (several("digest", "\nSubject: one\n\nold"), "",
                 [("one.eml", "message/rfc822", b"Subject: one\r\n\r\nold")]),
    "a report": (several("report", PLAIN, "Content-Type: message/delivery-status\n\nAction: x"),
                 "plain", [("attachment-1.txt", "message/delivery-status", b"Action: x")]),
    "no end": (several("mixed", PLAIN, PDF).removesuffix("--b--\n"), "plain", [PDF_FILE]),
}  # fmt: skip


@pytest.mark.parametrize(("mail", "text", "files"), SHAPES.values(), ids=SHAPES)
def test_a_mail_shows_a_text_and_files(
    mail: str, text: str, files: list[tuple[str, str, bytes]]
) -> None:
    contents = shown(mail)

    assert (text, files) == (contents.text.content, files_of(contents))


def test_the_root_of_what_belongs_together_is_its_text() -> None:
    root = "Content-ID: <root@x>\nContent-Type: text/html\n\nroot"
    mail = several("related", HTML, root).replace("boundary=b", 'boundary=b; start="<root@x>"')

    assert "root" == shown(mail).text.content


@pytest.mark.parametrize(
    ("mail", "expected"),
    [
        (several("related", HTML_WITH_IMAGE, IMAGE), ("one@x", True)),
        (several("mixed", HTML_WITH_IMAGE, IMAGE), ("one@x", True)),
        (several("related", HTML_WITH_IMAGE.replace("one@x", "one%40x"), IMAGE), ("one@x", True)),
        (several("related", HTML, IMAGE), ("one@x", False)),
        (several("mixed", f"{PLAIN} cid:one@x", IMAGE), ("one@x", False)),
        (
            several("mixed", HTML_WITH_IMAGE, IMAGE.replace("Content-ID: <one@x>\n", "")),
            ("", False),
        ),
    ],
)
def test_an_image_is_inline_where_the_text_shows_it(mail: str, expected: tuple[str, bool]) -> None:
    (file,) = shown(mail).files

    assert expected == (file.content_id, file.is_inline)


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (b"Content-Type: text/plain; charset=iso-8859-1\n\n\xe4", "ä"),
        (b"Content-Type: text/html\n\n<meta charset=koi8-r>\xc1", "<meta charset=koi8-r>\u0430"),
        (b"Content-Transfer-Encoding: base64\n\nw6Q=", "ä"),
        (b"Content-Transfer-Encoding: quoted-printable\n\n=C3=\n=A4", "ä"),
        (b"Content-Transfer-Encoding: 8-bit\n\n\xc3\xa4", "ä"),
        (b"\na\0b", "ab"),
    ],
)
def test_a_text_is_decoded(part: bytes, expected: str) -> None:
    assert expected == shown(part).text.content


# Too long, too broken


def test_a_text_that_is_too_long_is_a_file() -> None:
    long = HTML.replace("html</p>", "html</p>" * 100)
    contents = shown(several("mixed", long, PDF), longest=200)

    assert not contents.text.is_html
    assert contents.text.content.endswith("It is attached: text-1.html")
    assert ["text-1.html", "a.pdf"] == [file.name for file in contents.files]
    assert b"<p>" + b"html</p>" * 100 == contents.files[0].content.whole()


def test_a_rendition_that_is_not_too_long_is_shown() -> None:
    long = HTML.replace("html</p>", "html</p>" * 100)
    contents = shown(several("alternative", PLAIN, long), longest=200)

    assert ("plain", ["text-1.html"]) == (
        contents.text.content,
        [file.name for file in contents.files],
    )


def test_a_text_beyond_two_million_octets_is_not_even_read() -> None:
    contents = shown(b"\n" + b"x" * 2_000_001, longest=9_000_000)

    assert contents.text.content.endswith("It is attached: text-1.txt")
    assert [2_000_001] == [file.content.size for file in contents.files]


BROKEN = {
    "no boundary": TOP + "multipart/mixed\n\n--b\n\nx\n--b--\n",
    "a boundary that does not occur": TOP + "multipart/mixed; boundary=b\n\n--c\n\nx\n--c--\n",
    "an encoding that nobody knows": several("mixed", PLAIN, PDF.replace("base64", "x-uuencode")),
    "two encodings": several("mixed", PLAIN, PDF.replace("\n\n", "\nContent-Type: x/y\n\n")),
    "a seal": several("mixed", PLAIN, several("signed", PLAIN, PDF, boundary="c")),
    "more parts than can be read": several("mixed", *[PLAIN] * 1_100),
    "more files than Exchange takes": several("mixed", *[PDF] * 251),
    "too deep": "".join(
        f"Content-Type: multipart/mixed; boundary=b{level}\n\n--b{level}\n" for level in range(120)
    ),
}


@pytest.mark.parametrize("mail", BROKEN.values(), ids=BROKEN)
def test_what_cannot_be_taken_apart_is_a_file_itself(mail: str) -> None:
    mail = f"Subject: x\nBcc: hidden@x.org\nX-Receiver: hidden@x.org\n{mail}"
    contents = shown(mail)

    (file,) = contents.files
    expected = mail.replace("Bcc: hidden@x.org\n", "").replace("X-Receiver: hidden@x.org\n", "")
    assert contents.text.content.endswith("It is attached as it came: mail.eml")
    assert ("mail.eml", "message/rfc822") == (file.name, file.media_type)
    assert with_crlf(expected.encode()) == file.content.whole()
    assert len(file.content.whole()) == file.content.size


def test_as_many_files_as_exchange_takes_stay_files() -> None:
    assert 250 == len(shown(several("mixed", PLAIN, *[PDF] * 249)).files) + 1


_SCRAPS = (
    b"Content-Type: multipart/mixed;boundary=b|Content-Type: multipart/alternative; boundary=c|--b|"
    b"--c|--b--|--c--|Content-Type: text/html|Content-Type: message/rfc822|Content-Type: |"
    b"Content-Transfer-Encoding: base64|Content-Disposition: attachment; filename=x|QQ==|x|\xe4"
).split(b"|")
scraps = st.lists(
    st.sampled_from([*_SCRAPS, b"\r\n\r\n", b"\r\n", b"\r\n", b"\0"]), max_size=40
).map(b"".join)


@given(st.one_of(scraps, st.binary(max_size=200)), st.integers(0, 30))
def test_any_octets_show_something(octets: bytes, longest: int) -> None:
    contents = shown(octets, longest)

    assert len(contents.text.content) <= max(longest, 150)
    for file in contents.files:
        assert file.name
        assert file.content.size == len(file.content.whole())
