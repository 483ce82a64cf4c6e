"""Header fields as octets: what is split is joined again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from function_app.mime.fields import a_field, a_list_field, split
from handoff.octets import with_crlf

names = st.text("abcXYZ-", min_size=1, max_size=12)
values = st.text(st.characters(exclude_characters="\r\n"), max_size=40)
folds = st.sampled_from(["", "\r\n ", "\r\n\t"])


@given(
    st.lists(st.tuples(names, values, folds, values)),
    st.binary(max_size=60).filter(lambda body: b"\n" not in body and b"\r" not in body),
)
def test_what_is_split_is_joined_again(parts: list[tuple[str, str, str, str]], body: bytes) -> None:
    text = "".join(f"{name}: {one}{fold}{two}\r\n" for name, one, fold, two in parts)
    mail = text.encode("utf-8", "surrogatepass") + b"\r\n" + body
    fields, found = split(mail)

    assert mail == b"".join([*(field.raw for field in fields), b"\r\n", found[:]])
    assert [name.lower() for name, *_ in parts] == [field.name for field in fields]


@pytest.mark.parametrize(
    ("mail", "names", "body"),
    [
        (b"", [], b""),
        (b"\r\nbody", [], b"body"),
        (b"body\r\nmore", [], b"body\r\nmore"),
        (b"A: 1\r\nno field\r\nB: 2\r\n\r\nx", ["a"], b"no field\r\nB: 2\r\n\r\nx"),
        (b"From me Sat Nov 21\r\nA: 1\r\n\r\nx", ["a"], b"x"),
        (b"A: 1", ["a"], b""),
        (b"A : 1\r\n\r\nx", ["a"], b"x"),
        (b" folded\r\nA: 1\r\n\r\nx", [], b" folded\r\nA: 1\r\n\r\nx"),
    ],
)
def test_broken_headers_lose_nothing(mail: bytes, names: list[str], body: bytes) -> None:
    fields, found = split(mail)

    assert (names, body) == ([field.name for field in fields], found)


def test_a_field_of_ours_cannot_begin_another() -> None:
    assert a_field("X", "a\r\nBcc: eve@x.org").raw == b"X: a  Bcc: eve@x.org\r\n"
    assert a_list_field("Bcc", [b"a@b\r\nTo: c@d"]).raw == b"Bcc: a@b  To: c@d\r\n"


def test_long_lists_are_folded_between_their_items() -> None:
    addresses = [f"somebody.{number}@contoso.com".encode() for number in range(50)]
    field = a_list_field("Bcc", addresses)

    assert max(map(len, field.raw.split(b"\r\n"))) <= 78
    assert field.value.replace(b", ", b",").split(b",") == addresses


@given(st.binary(max_size=200))
def test_all_lines_end_in_crlf(octets: bytes) -> None:
    whole = with_crlf(octets)
    rest = whole.replace(b"\r\n", b"")

    assert b"\r" not in rest
    assert b"\n" not in rest
    assert with_crlf(whole) == whole
