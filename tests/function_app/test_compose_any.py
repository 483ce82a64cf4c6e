"""Any octets and any envelope: a letter to exactly that envelope, or a refusal with its reason."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from function_app.compose import Uncomposable
from tests.builders import MAIL
from tests.function_app.letters import below_received, composed, header_of, named_in, normal_set

mailboxes = st.sampled_from(
    ["ann@contoso.com", "bob@x.org", "Eve@X.org", "zed@contoso.com", "scan@contoso.com"]
)
written = st.builds(
    lambda name, address, form: form.format(name=name, address=address),
    st.sampled_from(["", "Ann", '"Doe, Ann"', "=?utf-8?q?=40?=", "(c, d)", "a@b", "[x]"]),
    mailboxes,
    st.sampled_from(["{address}", "{name} <{address}>", "Team: {address};", "<{address}> (x)"]),
)
heads = st.lists(
    st.tuples(
        st.sampled_from(["To", "Cc", "Bcc", "TO", "From", "Subject", "X-Receiver"]),
        st.lists(written, max_size=4).map(", ".join),
    ),
    max_size=6,
)
envelopes = st.lists(mailboxes, min_size=1, max_size=4).map(tuple)
_SCRAPS = (
    rb'To:|Cc: |,|;|:|<|>|(|)|"|\|@|ann@contoso.com|<bob@x.org>|eve@x.org|a.|Team:|=?utf-8?q?|?=|'
    rb"Bcc:|From:|Content-Type: multipart/x;boundary=b|--b"
).split(b"|")
scraps = st.lists(
    st.sampled_from([*_SCRAPS, b"\r\n\r\n", b"\r\n", b"\r\n", b"\n", b"\r", b" ", b"\xe4", b"\0"]),
    max_size=40,
).map(b"".join)


@given(heads, envelopes, st.sampled_from(["rewrite", "keep"]))
def test_the_header_names_exactly_the_envelope(
    head: list[tuple[str, str]], to: tuple[str, ...], policy: str
) -> None:
    octets = "".join(f"{name}: {value}\r\n" for name, value in head).encode() + b"\r\nbody"
    letter = composed(octets, to, from_policy=policy)

    assert normal_set(to) == named_in(letter.mime())
    assert letter.mime().endswith(b"\r\n\r\nbody")


@settings(max_examples=400)
@given(st.one_of(st.binary(max_size=300), scraps), envelopes)
@example(b"Message-ID: <\r\n\r\n", ("a@b.org",))
@example(b"To: " + b"(" * 100 + b"\r\n\r\n", ("a@b.org",))
@example(b'To: "\\\r\n\r\n', ("a@b.org",))
def test_any_octets_become_a_letter(octets: bytes, to: tuple[str, ...]) -> None:
    letter = composed(octets, to)

    assert normal_set(to) == named_in(letter.mime())
    assert b"\r\n\r\n" in letter.mime()
    assert not header_of(letter.mime(), "X-Receiver")
    assert b"\n" not in letter.mime().replace(b"\r\n", b"")


words = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=60)


@given(st.one_of(words, words.map("{}@contoso.com".format)))
@example('a, eve@x.org, "@contoso.com')
@example("a>,<eve@x.org")
def test_an_envelope_names_no_more_than_it_says(path: str) -> None:
    to = ("ann@contoso.com", path or "x")
    try:
        letter = composed(MAIL, to)
    except Uncomposable:
        return

    assert len(letter.forward_paths) == len(named_in(letter.mime()))


@pytest.mark.parametrize(
    "path",
    ["@contoso.com", "ann", "ann@", "ann@x y", "ann@x.org, eve@x.org", "a b@x.org", "<a>@x.org"],
)
def test_an_address_that_cannot_be_written_is_refused(path: str) -> None:
    with pytest.raises(Uncomposable, match="cannot stand") as error:
        composed(b"\r\nx", (path,))

    assert "bad-address" == error.value.code


@given(st.binary(max_size=400).filter(lambda body: b"\r" not in body and b"\n" not in body))
def test_clean_octets_stay(body: bytes) -> None:
    assert MAIL + body == below_received(composed(MAIL + body))
