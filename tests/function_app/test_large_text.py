"""Octets become text, in whatever charset, and files get names, however they are written."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from function_app.mime.fields import Field, a_field
from function_app.mime.names import extension_of, file_name, parameter, titled
from function_app.mime.text import text_of, text_of_field

TEXTS = {
    "utf-8": ("grüß".encode(), "utf-8", "grüß"),
    "utf-8 with a mark": (b"\xef\xbb\xbfx", "utf-8", "x"),
    "latin-1": (b"gr\xfc\xdf", "ISO-8859-1", "grüß"),
    "latin-1 that is windows-1252": (b"\x93x\x94 \x80", "iso-8859-1", "“x” €"),
    "ascii that is utf-8": ("ü".encode(), "us-ascii", "ü"),
    "ascii that is windows-1252": (b"\xfc", "us-ascii", "ü"),
    "latin-1 that cannot be": ("\u0141".encode(), "iso-8859-1", "\u0141"),
    "utf-8 that is windows-1252": (b"gr\xfc\xdf", "utf-8", "grüß"),
    "nothing said": (b"gr\xfc\xdf", "", "grüß"),
    "a charset that nobody knows": ("ü".encode(), "x-unknown", "ü"),
    "chinese": ("漢".encode("gb18030"), "gb2312", "漢"),
    "japanese": ("日本".encode("iso-2022-jp"), "ISO-2022-JP", "日本"),
    "korean": ("한글".encode("cp949"), "ks_c_5601-1987", "한글"),
    "utf-16": ("ü".encode("utf-16"), "utf-16", "ü"),
    "no charset but a codec": (b"abcd", "hex", "abcd"),
    "no charset but a trick": (b"\\x41", "unicode_escape", "\\x41"),
    "a name that is none": (b"a", "\x00/../", "a"),
    "broken": (b"a\x81\xff", "utf-8", "a\ufffd\ufffd"),
}


@pytest.mark.parametrize(("octets", "charset", "expected"), TEXTS.values(), ids=TEXTS)
def test_octets_become_text(octets: bytes, charset: str, expected: str) -> None:
    assert expected == text_of(octets, charset)


@given(st.binary(max_size=60), st.text(max_size=20) | st.sampled_from(["utf-7", "idna", "cp037"]))
def test_any_octets_in_any_charset_are_text(octets: bytes, charset: str) -> None:
    assert isinstance(text_of(octets, charset), str)


FIELDS = {
    b"plain": "plain",
    b"=?utf-8?Q?gr=C3=BC=C3=9F_dich?=": "grüß dich",
    b"=?UTF-8?b?w7w?=": "ü",
    b"a =?iso-8859-1*de?q?=FC?= b": "a ü b",
    b"=?utf-8?q?a?= =?utf-8?q?b?=": "ab",
    b"=?utf-8?q?a?= b =?utf-8?q?c?=": "a b c",
    b"=?utf-8?q?=C3?= =?utf-8?q?=BC?=": "ü",
    b"=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=": "日本",
    b"=?utf-8?x?QA?=": "=?utf-8?x?QA?=",
    b"raw \xc3\xbc \xfc": "raw Ã¼ ü",
    b"": "",
}


@pytest.mark.parametrize(("value", "expected"), FIELDS.items(), ids=repr)
def test_encoded_words_are_decoded(value: bytes, expected: str) -> None:
    assert expected == text_of_field(value)


def test_a_field_without_end_costs_no_time() -> None:
    began = time.process_time()
    text_of_field(b"=?utf-8?q?x?= " * 1_000_000)

    assert time.process_time() - began < 1


# Names


def fields_of(disposition: str = "", content_type: str = "") -> list[Field]:
    given = {"Content-Disposition": disposition, "Content-Type": content_type}
    return [a_field(name, value) for name, value in given.items() if value]


NAMES = {
    "plain": ("attachment; filename=a.pdf", "", "a.pdf"),
    "quoted": ('attachment; filename="a; b.pdf"', "", "a; b.pdf"),
    "an escape": (r'attachment; filename="a\"b.pdf"', "", 'a"b.pdf'),
    "a blank without quotes": ("attachment; filename=my scan.pdf", "", "my scan.pdf"),
    "in the type": ("", 'application/pdf; name="b.pdf"', "b.pdf"),
    "the disposition first": ("inline; filename=a.pdf", "application/pdf; name=b.pdf", "a.pdf"),
    "the name as the disposition": ("scan.png; filename=..", "image/png", "scan.png"),
    "no disposition": ("filename=a.pdf", "", "a.pdf"),
    "RFC 2047 in quotes": ('attachment; filename="=?utf-8?B?w7w=?=.pdf"', "", "ü.pdf"),
    "RFC 2047 in pieces": (
        'attachment; filename="=?utf-8?Q?=C3=BC?= =?utf-8?Q?.pdf?="', "", "ü.pdf",
    ),
    "RFC 2231": ("attachment; filename*=UTF-8''%e2%82%ac%20x.pdf; filename=x.pdf", "", "€ x.pdf"),
    "RFC 2231 in Latin-1": ("attachment; filename*=iso-8859-1'de'%FC.pdf", "", "ü.pdf"),
    "RFC 2231 in segments": (
        "attachment; filename*1*=%BC%20b; filename*0*=utf-8''%C3; filename*2=.pdf", "", "ü b.pdf",
    ),
    "a segment is missing": ('attachment; filename*0="a"; filename*2="c"', "", "a"),
    "no charset told": ("attachment; filename*=%C3%BC.pdf", "", "ü.pdf"),
    "raw octets": ("attachment; filename=ü.pdf", "", "ü.pdf"),
    "a path": ('attachment; filename="../../etc/passwd"', "", "passwd"),
    "a path of Windows": (r'attachment; filename="C:\scans\a.pdf"', "", "a.pdf"),
    "what cannot be seen": ("attachment; filename*=utf-8''a%E2%80%AEfdp%00%0A.exe", "", "afdp.exe"),
    "nothing but dots": ("attachment; filename=..", "", ""),
    "nothing": ("attachment; filename=", "", ""),
    "not there": ("attachment", "application/pdf", ""),
}  # fmt: skip


@pytest.mark.parametrize(("disposition", "kind", "expected"), NAMES.values(), ids=NAMES)
def test_a_file_is_called_what_was_meant(disposition: str, kind: str, expected: str) -> None:
    assert expected == file_name(fields_of(disposition, kind))


def test_a_long_name_keeps_its_extension() -> None:
    assert "x" * 200 + ".pdf" == file_name(fields_of("attachment; filename=" + "x" * 900 + ".pdf"))
    assert "x" * 200 == file_name(fields_of("attachment; filename=" + "x" * 900))


@given(st.binary(max_size=120))
def test_any_disposition_gives_a_name_or_none(value: bytes) -> None:
    name = file_name([a_field("Content-Disposition", b"attachment; filename" + value)])

    assert not set(name) & set("/\\\r\n\0")
    assert len(name.encode()) <= 900


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("application/pdf", ".pdf"),
        ("image/jpeg", ".jpg"),
        ("text/calendar", ".ics"),
        ("message/rfc822", ".eml"),
        ("x/unknown", ".bin"),
    ],
)
def test_a_type_has_an_extension(kind: str, expected: str) -> None:
    assert expected == extension_of(kind)


def test_a_title_is_a_name() -> None:
    assert "Re- a-b" == titled("Re/ a\\b.")
    assert "" == titled("\x00..")


def test_other_parameters_are_read_alike() -> None:
    (field,) = fields_of(content_type='text/plain; format=flowed; charset="utf-8"')

    assert ("utf-8", "") == (parameter(field, "charset"), parameter(field, "boundary"))
    assert "" == parameter(None, "charset")
