"""Who the mail is from: the mailbox, or whom the device's from_policy lets it speak for."""

import pytest

from function_app.compose import Uncomposable
from tests.function_app.letters import below_received, composed, header_of

REST = b"To: ann@contoso.com\r\nSubject: x\r\nDate: x\r\nMessage-ID: <1@x>\r\n\r\nbody"
OURS = "From: scan@contoso.com"

CASES = [
    # It is the mailbox.
    (OURS, "rewrite", OURS),
    (OURS, "reject", OURS),
    (OURS, "keep", OURS),
    ("From: =?utf-8?q?S?=\n <SCAN@contoso.com>", "rewrite",
     "From: =?utf-8?q?S?=\n <SCAN@contoso.com>"),
    ('From:"=?utf-8?b?U2Nhbm5lcg==?=" <scan@contoso.com>', "rewrite",
     'From:"=?utf-8?b?U2Nhbm5lcg==?=" <scan@contoso.com>'),
    ("From: (Scanner) scan@contoso.com", "rewrite", "From: (Scanner) scan@contoso.com"),
    ("From: Scanner [2F] <scan@contoso.com>", "rewrite",
     'From: "Scanner [2F]" <scan@contoso.com>'),
    # A display name with an @ is taken for another sender.
    ("From: scan@contoso.com <scan@contoso.com>", "rewrite", OURS),
    ('From: "scan@contoso.com" <scan@contoso.com>', "rewrite", OURS),
    ('From: "eve@x.org" <SCAN@contoso.com>', "reject", "From: SCAN@contoso.com"),
    ("From: =?utf-8?q?scan=40contoso=2Ecom?= <scan@contoso.com>", "rewrite", OURS),
    ("From: =?utf-8?b?c2NhbkBjb250b3NvLmNvbQ==?= <scan@contoso.com>", "rewrite", OURS),
    ('From: "b@x.org" <a@x.org>', "keep", "From: a@x.org"),
    # It is somebody else.
    ("From: Eve <eve@x.org>", "rewrite",
     "From: Eve <scan@contoso.com>\nReply-To: Eve <eve@x.org>"),
    ('From: "Doe, Eve" <eve@x.org>', "rewrite",
     'From: "Doe, Eve" <scan@contoso.com>\nReply-To: "Doe, Eve" <eve@x.org>'),
    ("From: a@x.org, b@x.org", "rewrite", f"{OURS}\nReply-To: a@x.org, b@x.org"),
    ('From: "eve@x.org" <eve@x.org>', "rewrite",
     f'{OURS}\nReply-To: "eve@x.org" <eve@x.org>'),
    ("From: eve@x.org\nReply-To: ", "rewrite", f"{OURS}\nReply-To: eve@x.org"),
    ("From: Eve <eve@x.org>", "keep", "From: Eve <eve@x.org>"),
    # Of several there is one.
    ("From: scan@contoso.com, SCAN@contoso.com", "reject", OURS),
    ("From: Group: scan@contoso.com;", "rewrite", OURS),
    # Sender.
    (f"{OURS}\nSender: s@x.org", "rewrite", OURS),
    (f"{OURS}\nSender: s@x.org", "reject", OURS),
    (f"{OURS}\nSender: Scan <scan@contoso.com>", "rewrite",
     f"{OURS}\nSender: Scan <scan@contoso.com>"),
    ("From: Eve <eve@x.org>\nSender: s@x.org", "keep", "From: Eve <eve@x.org>\nSender: s@x.org"),
    # There is none.
    ("", "rewrite", OURS),
    ("", "reject", OURS),
    ("", "keep", OURS),
]  # fmt: skip


@pytest.mark.parametrize(("written", "policy", "expected"), CASES)
def test_who_it_is_from(written: str, policy: str, expected: str) -> None:
    head = (written + "\n" if written else "").replace("\n", "\r\n").encode()
    letter = composed(head + REST, from_policy=policy)

    assert (expected + "\n").replace("\n", "\r\n").encode() + REST == below_received(letter)


@pytest.mark.parametrize(
    ("written", "policy", "expected"),
    [
        ("From: Eve <eve@x.org>\r\nReply-To: r@x.org\r\nSender: s@x.org", "rewrite",
         ["Eve <scan@contoso.com>", "r@x.org", "Eve <eve@x.org>"]),
        ("From: a@x.org, scan@contoso.com", "keep",
         ["scan@contoso.com", "", "a@x.org, scan@contoso.com"]),
        ("From: a@x.org, b@x.org", "keep", ["a@x.org", "", "a@x.org, b@x.org"]),
        ("From: a@x.org\r\nFrom: b@x.org", "keep", ["a@x.org", "", "b@x.org"]),
        ("From: nonsense", "rewrite", ["scan@contoso.com", "", "nonsense"]),
        ("From: nonsense", "reject", ["scan@contoso.com", "", "nonsense"]),
        ("From: <>", "keep", ["scan@contoso.com", "", "<>"]),
        ("From: " + "a@x.org, " * 4_000, "reject", ["scan@contoso.com", "", "a@x.org, " * 4_000]),
    ],
)  # fmt: skip
def test_what_no_longer_is_from_is_kept_aside(
    written: str, policy: str, expected: list[str]
) -> None:
    mime = composed(written.encode() + b"\r\n" + REST, from_policy=policy).mime()
    names = ("From", "Reply-To", "X-Original-From")

    assert [value.strip() for value in expected] == [
        "".join(header_of(mime, name)).replace("\r\n", "").strip() for name in names
    ]


def test_odd_octets_of_an_author_stay_behind_its_colon() -> None:
    mime = composed(b"From: caf\xe9 \x00\x1b\r\n \tx\r\n" + REST).mime()

    assert b"\r\nX-Original-From: caf\xe9 \x00\x1b\r\n \tx\r\n" in mime


@pytest.mark.parametrize(
    ("written", "named"),
    [
        (b"From: eve@x.org", "eve@x.org"),
        (b"From: scan@contoso.com, eve@x.org", "scan@contoso.com, eve@x.org"),
        (b"From: a@x, b@x, c@x, d@x", "a@x, b@x, c@x, ..."),
        (b"From: caf\xe9@x.org", "caf\ufffd@x.org"),
    ],
)
def test_another_sender_can_be_rejected(written: bytes, named: str) -> None:
    with pytest.raises(Uncomposable) as error:
        composed(written + b"\r\n\r\nx", from_policy="reject")

    assert "from-not-allowed" == error.value.code
    assert (
        f"From is {named}, but this device may only send as scan@contoso.com. "
        "Set its sender address, or from_policy of the device."
    ) == error.value.reason


def test_the_null_reverse_path_sends_as_the_mailbox() -> None:
    letter = composed(b"\r\nx", sender="")

    assert ["scan@contoso.com"] == header_of(letter.mime(), "From")
    assert "scan@contoso.com" == letter.mailbox


def test_a_mailbox_that_is_no_address_is_refused() -> None:
    with pytest.raises(Uncomposable, match="a@x, eve@y cannot stand"):
        composed(b"\r\nx", mailbox="a@x, eve@y")
