"""Compose: the header names exactly the envelope, and nothing else changes without need."""

import random
import time
from email import message_from_string
from email.policy import compat32
from email.utils import getaddresses

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from function_app.compose import Letter, Uncomposable, compose
from function_app.mime.addresses import normal, read_mailboxes
from tests.builders import MAIL, NOW, a_ticket

SENDER = "scan@contoso.com"
TOP = b"Received: by plant-2 with ESMTP id "


def composed(octets: bytes, to: tuple[str, ...] = ("ann@contoso.com",), **changes: str) -> Letter:
    return compose(a_ticket(octets, to=to, **changes), octets, NOW)


def below_received(letter: Letter) -> bytes:
    received, _, rest = letter.mime.partition(b"\r\n")

    assert received.startswith(TOP)
    return rest


def header_of(mime: bytes, name: str) -> list[str]:
    head = mime.partition(b"\r\n\r\n")[0].decode("utf-8", "surrogateescape")
    message = message_from_string(head + "\r\n\r\n", policy=compat32)
    return [str(value) for value in message.get_all(name, [])]


def named_in(mime: bytes) -> set[str]:
    fields = [value for name in ("To", "Cc", "Bcc") for value in header_of(mime, name)]
    return {normal(address) for _, address in getaddresses(fields) if address}


def test_a_mail_that_names_its_envelope_stays_as_it_is() -> None:
    assert MAIL == below_received(composed(MAIL))


def mail(head: str, body: bytes = b"Hello.\r\n") -> bytes:
    rest = "Subject: Scan\r\nDate: Sat, 21 Nov 2026 05:00:00 +0000\r\nMessage-ID: <1@x.org>\r\n"
    return head.replace("\n", "\r\n").encode() + f"From: {SENDER}\r\n{rest}\r\n".encode() + body


@pytest.mark.parametrize(
    ("head", "to", "kept", "bcc"),
    [
        ("To: ann@contoso.com\n", ("ANN@Contoso.com",), "To: ann@contoso.com\n", ""),
        ("To: eve@x.org\n", ("ann@contoso.com",), "", "ann@contoso.com"),
        (
            "To: ann@contoso.com, eve@x.org\nCc: bob@contoso.com\n",
            ("ann@contoso.com", "bob@contoso.com", "zed@x.org"),
            "To: ann@contoso.com\nCc: bob@contoso.com\n",
            "zed@x.org",
        ),
        (
            'To: "Doe, Ann" <ann@contoso.com>,\n "Eve (a, b)" <eve@x.org>, (x, y) bob@x.org\n',
            ("ann@contoso.com", "bob@x.org"),
            'To: "Doe, Ann" <ann@contoso.com>, (x, y) bob@x.org\n',
            "",
        ),
        (
            "To: Team: ann@contoso.com, eve@x.org;, bob@x.org\n",
            ("ann@contoso.com", "bob@x.org"),
            "To: ann@contoso.com, bob@x.org\n",
            "",
        ),
        ("To: undisclosed-recipients:;\n", ("ann@contoso.com",), "", "ann@contoso.com"),
        ("To: Undisclosed recipients:;\n", ("ann@contoso.com",), "", "ann@contoso.com"),
        ("To: ann@contoso.com\nTo: bob@x.org\n", ("ann@contoso.com", "bob@x.org"),
         "To: ann@contoso.com\nTo: bob@x.org\n", ""),
        ("To: ann@contoso.com\nCc: ann@contoso.com\n", ("ann@contoso.com",),
         "To: ann@contoso.com\n", ""),
        ("To: =?utf-8?q?=2C_eve=40x=2Eorg?= <ann@contoso.com>\n", ("ann@contoso.com",),
         "To: =?utf-8?q?=2C_eve=40x=2Eorg?= <ann@contoso.com>\n", ""),
        ("To: a@b\u00fccher.example\n", ("a@xn--bcher-kva.example",),
         "To: a@b\u00fccher.example\n", ""),
        ("To: \u00e4@contoso.com\n", ("\u00e4@contoso.com",), "To: \u00e4@contoso.com\n", ""),
        ("Bcc: zed@x.org\nTo: ann@contoso.com\n", ("ann@contoso.com", "zed@x.org"),
         "To: ann@contoso.com\n", "zed@x.org"),
        ("X-Receiver: zed@x.org\nResent-Bcc: zed@x.org\nTo: ann@contoso.com\n",
         ("ann@contoso.com", "zed@x.org"), "To: ann@contoso.com\n", "zed@x.org"),
        ("To: <<ann@contoso.com>\n", ("ann@contoso.com",), "", "ann@contoso.com"),
    ],
)  # fmt: skip
def test_recipients(head: str, to: tuple[str, ...], kept: str, bcc: str) -> None:
    letter = composed(mail(head), to)
    wanted = mail(kept).replace(
        b"\r\n\r\n", f"\r\nBcc: {bcc}\r\n\r\n".encode() if bcc else b"\r\n\r\n", 1
    )

    assert wanted == below_received(letter)
    assert named_in(letter.mime) == {normal(path) for path in to}


def test_a_recipient_named_twice_is_one() -> None:
    assert composed(MAIL, ("a@b.org", "A@B.org")).forward_paths == ("a@b.org",)


# from_policy


@pytest.mark.parametrize(
    ("written", "policy", "expected"),
    [
        ("From: scan@contoso.com", "rewrite", "From: scan@contoso.com"),
        ("From: =?utf-8?q?S?=\n <SCAN@contoso.com>", "rewrite",
         "From: =?utf-8?q?S?=\n <SCAN@contoso.com>"),
        ("From: Eve <eve@x.org>", "rewrite",
         "From: Eve <scan@contoso.com>\nReply-To: Eve <eve@x.org>"),
        ("From: Eve <eve@x.org>\nReply-To: r@x.org\nSender: s@x.org", "rewrite",
         "From: Eve <scan@contoso.com>\nReply-To: r@x.org"),
        ("From: a@x.org, b@x.org", "rewrite",
         "From: scan@contoso.com\nReply-To: a@x.org, b@x.org"),
        ("From: scan@contoso.com <scan@contoso.com>", "rewrite", "From: scan@contoso.com"),
        ('From: "eve@x.org" <eve@x.org>', "rewrite",
         'From: scan@contoso.com\nReply-To: "eve@x.org" <eve@x.org>'),
        ("From: nonsense", "rewrite", "From: scan@contoso.com"),
        ("From: Eve <eve@x.org>\nSender: s@x.org", "keep",
         "From: Eve <eve@x.org>\nSender: s@x.org"),
        ("From: a@x.org, scan@contoso.com", "keep", "From: scan@contoso.com"),
        ("From: scan@contoso.com", "reject", "From: scan@contoso.com"),
        ("", "reject", "From: scan@contoso.com"),
        ("", "keep", "From: scan@contoso.com"),
        ("From: a@x.org\nFrom: b@x.org", "keep", "From: a@x.org"),
    ],
)  # fmt: skip
def test_who_it_is_from(written: str, policy: str, expected: str) -> None:
    rest = b"To: ann@contoso.com\r\nSubject: x\r\nDate: x\r\nMessage-ID: <1@x>\r\n"
    head = (written + "\n" if written else "").replace("\n", "\r\n").encode()
    letter = composed(head + rest + b"\r\nbody", from_policy=policy)
    wanted = (expected + "\n").replace("\n", "\r\n").encode()
    found = below_received(letter).partition(b"To: ann@")[0]

    assert wanted == found


def test_a_from_that_cannot_be_read_is_kept_where_it_does_no_harm() -> None:
    letter = composed(b"From: nonsense\r\nTo: ann@contoso.com\r\n\r\nx")

    assert header_of(letter.mime, "X-Original-From") == ["nonsense"]


def test_another_sender_can_be_rejected() -> None:
    with pytest.raises(Uncomposable, match=r"From is eve@x.org, but .* scan@contoso.com") as error:
        composed(b"From: eve@x.org\r\n\r\nx", from_policy="reject")

    assert error.value.code == "from-not-allowed"


# What is missing, and what is broken


def test_a_mail_without_a_header_gets_one() -> None:
    letter = composed(b"just text\nand more")
    domain_id = f"<{letter.id}@contoso.com>"

    assert below_received(letter) == (
        b"From: scan@contoso.com\r\n"
        b"Bcc: ann@contoso.com\r\n"
        b"Date: Sat, 21 Nov 2026 05:00:00 +0000\r\n"
        b"Subject: (no subject)\r\n"
        b"Message-ID: " + domain_id.encode() + b"\r\n"
        b"\r\n"
        b"just text\r\nand more"
    )
    assert letter.message_id == domain_id


def test_a_message_id_is_the_same_at_every_attempt() -> None:
    ticket = a_ticket(b"")

    assert compose(ticket, b"", NOW).message_id == compose(ticket, b"", NOW).message_id


def test_a_message_id_that_is_there_is_kept() -> None:
    assert composed(MAIL).message_id == "<one@contoso.com>"


def test_a_mime_version_is_added_where_content_fields_ask_for_it() -> None:
    letter = composed(b"Content-Type: text/plain\r\n\r\nx")

    assert header_of(letter.mime, "MIME-Version") == ["1.0"]


def test_line_ends_are_made_whole() -> None:
    letter = composed(b"Subject: x\nTo: ann@contoso.com\n\none=\ntwo\rthree\r\n")

    assert letter.mime.endswith(b"\r\n\r\none=\r\ntwo\r\nthree\r\n")


def test_a_mail_that_goes_round_is_stopped() -> None:
    hops = b"Received: by somewhere\r\n"

    assert composed(hops * 50 + MAIL)
    with pytest.raises(Uncomposable) as error:
        composed(hops * 51 + MAIL)

    assert error.value.code == "loop"


@pytest.mark.parametrize(
    "body",
    [
        b"\x00\x01\x02",
        "Umlaute: \u00e4\u00f6\u00fc".encode("latin-1"),
        b"x" * 2_000_000,
        b"--a\r\nContent-Type: multipart/mixed; boundary=b\r\n" * 1_000,
        b"From me\r\n.\r\n..\r\n",
    ],
)
def test_a_body_stays_octet_for_octet(body: bytes) -> None:
    assert composed(MAIL + body).mime.endswith(b"\r\nHello.\r\n" + body)


def test_odd_octets_in_other_fields_stay() -> None:
    head = b"X-Odd: caf\xe9 \x00 \x1b[31m\r\nSubject: caf\xe9\r\n"
    letter = composed(head + b"To: ann@contoso.com\r\n\r\nx")

    assert head in letter.mime


addresses = st.sampled_from(
    ["ann@contoso.com", "bob@x.org", "Eve@X.org", "zed@contoso.com", "scan@contoso.com"]
)
written = st.builds(
    lambda name, address, form: form.format(name=name, address=address),
    st.sampled_from(["", "Ann", '"Doe, Ann"', "=?utf-8?q?=40?=", "(c, d)"]),
    addresses,
    st.sampled_from(["{address}", "{name} <{address}>", "Team: {address};", "<{address}> (x)"]),
)
heads = st.lists(
    st.tuples(
        st.sampled_from(["To", "Cc", "Bcc", "TO", "From", "Subject", "X-Receiver"]),
        st.lists(written, max_size=4).map(", ".join),
    ),
    max_size=6,
)
envelopes = st.lists(addresses, min_size=1, max_size=4).map(tuple)


@given(heads, envelopes, st.sampled_from(["rewrite", "keep"]))
def test_the_header_names_exactly_the_envelope(
    head: list[tuple[str, str]], to: tuple[str, ...], policy: str
) -> None:
    octets = "".join(f"{name}: {value}\r\n" for name, value in head).encode() + b"\r\nbody"
    letter = composed(octets, to, from_policy=policy)

    assert named_in(letter.mime) == {normal(path) for path in to}
    assert letter.mime.endswith(b"\r\n\r\nbody")


@settings(max_examples=300)
@given(st.binary(max_size=300), envelopes)
@example(b"Message-ID: <\r\n\r\n", ("a@b.org",))
@example(b"To: " + b"(" * 100 + b"\r\n\r\n", ("a@b.org",))
@example(b'To: "\\\r\n\r\n', ("a@b.org",))
def test_any_octets_become_a_letter(octets: bytes, to: tuple[str, ...]) -> None:
    letter = composed(octets, to)

    assert named_in(letter.mime) >= {normal(path) for path in to}
    assert not header_of(letter.mime, "X-Receiver")


def _copying(octets: bytes) -> float:
    """What a plain pass over the octets costs here and now, as a measure."""
    began = time.process_time()
    for _ in range(20):
        octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    return time.process_time() - began


@pytest.mark.parametrize(
    "bomb",
    [
        b"Subject: " + b"=?utf-8?q?x?= " * 16_000,
        b"Subject: " + b"x" * 10_000_000,
        b"To: " + b"=?utf-8?q?x?= <a@b.org>, " * 20_000,
        b"To: " + b"(" * 500_000,
        b"To: " + b'"' * 500_000,
        b"To: " + b'\\"' * 250_000,
        b"From: " + b"<" * 500_000,
        b"To: " + b"a" * 10_000_000,
        b"X: y\r\n" * 200_000,
        b"Content-Type: multipart/mixed; boundary=a\r\n\r\n" + b"--a\r\n\r\n" * 100_000,
    ],
    ids=lambda bomb: f"{bomb[:16]!r}",
)
def test_no_mail_costs_more_than_its_size_explains(bomb: bytes) -> None:
    measure = _copying(random.Random(1).randbytes(5_000_000) + b"\r\n" * 2_500_000)
    began = time.process_time()
    composed(bomb + b"\r\n\r\nbody")
    cost = time.process_time() - began

    assert cost < 8 * measure, f"{cost:.3f} s against {measure:.3f} s"


def test_addresses_are_found_with_their_octets() -> None:
    (one,) = read_mailboxes(b'"Doe, Ann" (x) <ann@contoso.com>')

    assert one.raw == b'"Doe, Ann" (x) <ann@contoso.com>'
    assert one.display_name == b'"Doe, Ann"'
    assert one.address == "ann@contoso.com"
