"""Who gets the mail: exactly the envelope, whatever the header says."""

import pytest

from tests.builders import MAIL
from tests.function_app.letters import below_received, composed, named_in, normal_set

SENDER = "scan@contoso.com"
ANN, BOB = "ann@contoso.com", "bob@x.org"
BUECHER = "b\u00fccher.example"


def mail(head: str, body: bytes = b"Hello.\r\n") -> bytes:
    rest = "Subject: Scan\r\nDate: Sat, 21 Nov 2026 05:00:00 +0000\r\nMessage-ID: <1@x.org>\r\n"
    return head.replace("\n", "\r\n").encode() + f"From: {SENDER}\r\n{rest}\r\n".encode() + body


UNTOUCHED = {
    "case": ("To: ann@contoso.com\n", ("ANN@Contoso.com",)),
    "name": ('To: "Doe, Ann" <ann@contoso.com>\n', (ANN,)),
    "dots in a name": ("To: Ann B. Doe <ann@contoso.com>\n", (ANN,)),
    "comment": ("To: (x, y) ann@contoso.com (Ann)\n", (ANN,)),
    "encoded word": ("To: =?utf-8?q?=2C_eve=40x=2Eorg?= <ann@contoso.com>\n", (ANN,)),
    "folded": ("To: Ann\n <ann@contoso.com>,\n\tbob@x.org\n", (ANN, BOB)),
    "no space": ("To:ann@contoso.com\n", (ANN,)),
    "group": ("To: Team: ann@contoso.com, Bob <bob@x.org>;\n", (ANN, BOB)),
    "empty group": ("To: nobody:;, ann@contoso.com\n", (ANN,)),
    "several fields": ("To: ann@contoso.com\nTo: bob@x.org\n", (ANN, BOB)),
    "twice": ("To: ann@contoso.com\nCc: ann@contoso.com\n", (ANN,)),
    "U-label": (f"To: a@{BUECHER}\n", ("a@xn--bcher-kva.example",)),
    "A-label": ("To: a@xn--BCHER-kva.example\n", (f"a@{BUECHER}",)),
    "upper case U-label": ("To: a@B\u00dcCHER.example\n", (f"a@{BUECHER}",)),
    "decomposed": ("To: a@bu\u0308cher.example\n", (f"a@{BUECHER}",)),
    "utf-8": ("To: \u00c4@contoso.com\n", ("\u00e4@contoso.com",)),
    "quoted": ('To: "ann"@contoso.com\n', (ANN,)),
    "address literal": ("To: a@[192.0.2.1]\n", ("a@[192.0.2.1]",)),
    "a history": ("Resent-To: eve@x.org\nTo: ann@contoso.com\n", (ANN,)),
}


@pytest.mark.parametrize(("head", "to"), UNTOUCHED.values(), ids=UNTOUCHED)
def test_a_field_that_the_envelope_confirms_stays(head: str, to: tuple[str, ...]) -> None:
    assert mail(head) == below_received(composed(mail(head), to))


CHANGED = {
    "not in the envelope": ("To: eve@x.org\n", (ANN,), "", ANN),
    "some in the envelope": (
        "To: ann@contoso.com, eve@x.org\nCc: bob@x.org\n",
        (ANN, BOB, "zed@x.org"),
        "To: ann@contoso.com\nCc: bob@x.org\n",
        "zed@x.org",
    ),
    "quoted commas": (
        'To: "Doe, Ann" <ann@contoso.com>,\n "Eve (a, b)" <eve@x.org>, (x, y) bob@x.org\n',
        (ANN, BOB),
        'To: "Doe, Ann" <ann@contoso.com>, (x, y) bob@x.org\n',
        "",
    ),
    "group": (
        "Cc: Team: ann@contoso.com, eve@x.org;, bob@x.org\n",
        (ANN, BOB),
        "Cc: ann@contoso.com, bob@x.org\n",
        "",
    ),
    "nobody": ("To: undisclosed-recipients:;\n", (ANN,), "", ANN),
    "nobody, as devices write it": ("To: Undisclosed recipients:;\n", (ANN,), "", ANN),
    "an empty field": ("To:\n", (ANN,), "", ANN),
    "Bcc": ("Bcc: zed@x.org\nTo: ann@contoso.com\n", (ANN, "zed@x.org"),
            "To: ann@contoso.com\n", "zed@x.org"),
    "Bcc of others": ("BCC: eve@x.org\nTo: ann@contoso.com\n", (ANN,), "To: ann@contoso.com\n", ""),
    "like Bcc": (
        "X-Receiver: zed@x.org\nResent-Bcc: zed@x.org\nX-Envelope-To: zed@x.org\n"
        "Apparently-To: zed@x.org\nEnvelope-To: zed@x.org\nX-RCPT-TO: zed@x.org\n"
        "To: ann@contoso.com\n",
        (ANN, "zed@x.org"), "To: ann@contoso.com\n", "zed@x.org",
    ),
    "a space before the colon": ("To : ann@contoso.com\n", (ANN,), "To: ann@contoso.com\n", ""),
    "a name that begins with a dot": ("To: .x <ann@contoso.com>\n", (ANN,),
                                      'To: ".x" <ann@contoso.com>\n', ""),
    "unreadable": ("To: <<ann@contoso.com>\n", (ANN,), "", ANN),
    "a name with an @": ("To: eve@x.org <ann@contoso.com>\n", (ANN,), "To: ann@contoso.com\n", ""),
    "a name with a bracket": ("To: Ann [HR] <ann@contoso.com>\n", (ANN,),
                              'To: "Ann [HR]" <ann@contoso.com>\n', ""),
    "a comma in an encoded word": ("To: =?utf-8?Q?Doe,_Ann?= <ann@contoso.com>\n", (ANN,),
                                   "To: ann@contoso.com\n", ""),
    "semicolons": ("To: ann@contoso.com; bob@x.org\n", (ANN, BOB),
                   "To: ann@contoso.com, bob@x.org\n", ""),
    "a comma behind": ("To: ann@contoso.com,\n", (ANN,), "To: ann@contoso.com\n", ""),
    "a comment in a comment": ("To: (a(b)) ann@contoso.com\n", (ANN,), "To: ann@contoso.com\n", ""),
    "an address in a comment": ("To: (eve@x.org) ann@contoso.com\n", (ANN,),
                                "To: ann@contoso.com\n", ""),
    "a group without an end": ("To: Team: ann@contoso.com\n", (ANN,), "To: ann@contoso.com\n", ""),
    "a route": ("To: <@x.org,@y.org:ann@contoso.com>\n", (ANN,), "To: ann@contoso.com\n", ""),
    "twice in a broken field": ("To: ann@contoso.com, Ann <ANN@contoso.com>, eve@x.org\n", (ANN,),
                                "To: ann@contoso.com\n", ""),
    "another letter that folds alike": ("To: stra\u00dfe@x.org, a@stra\u00dfe.de\n",
                                        ("strasse@x.org", "a@strasse.de"), "",
                                        "strasse@x.org, a@strasse.de"),
    "quoted local part": ("", ('"a b"@x.org',), "", '"a b"@x.org'),
    "a dot at the end": ("", ("a@x.org.",), "", "a@x.org"),
}  # fmt: skip


@pytest.mark.parametrize(("head", "to", "kept", "bcc"), CHANGED.values(), ids=CHANGED)
def test_others_go_and_the_unnamed_come(
    head: str, to: tuple[str, ...], kept: str, bcc: str
) -> None:
    letter = composed(mail(head), to)
    wanted = mail(kept).replace(
        b"\r\n\r\n", f"\r\nBcc: {bcc}\r\n\r\n".encode() if bcc else b"\r\n\r\n", 1
    )

    assert wanted == below_received(letter)
    assert normal_set(to) == named_in(letter.mime())


def test_a_recipient_in_two_spellings_is_one() -> None:
    to = ("a@b.org", "A@B.org", f"x@{BUECHER}", "x@xn--bcher-kva.example")
    letter = composed(MAIL, to)

    assert ("a@b.org", f"x@{BUECHER}") == letter.forward_paths
    assert 2 == len(named_in(letter.mime()))


def test_a_thousand_unnamed_recipients_fit_in_short_lines() -> None:
    to = tuple(f"somebody.{number}@contoso.com" for number in range(1_000))
    letter = composed(mail("To: undisclosed-recipients:;\n"), to)
    head = letter.mime().partition(b"\r\n\r\n")[0]

    assert normal_set(to) == named_in(letter.mime())
    before, _, bcc = head.partition(b"\r\nBcc:")

    assert max(map(len, bcc.split(b"\r\n"))) <= 78
    assert b"somebody." not in before


def test_a_long_list_is_read_to_its_end() -> None:
    to = tuple(f"somebody.{number:05}@contoso.com" for number in range(2_000))
    names = ",\n ".join(f'"Somebody, the {path[9:14]}th, of us" <{path}>' for path in to)
    octets = mail(f"To: {names}\n")

    assert len(names) > 120_000
    assert octets == below_received(composed(octets, to))


def test_a_list_beyond_all_measure_goes_unread() -> None:
    names = ", ".join(f"{number}@contoso.com" for number in range(20_000))
    letter = composed(mail(f"To: ann@contoso.com, {names}\n"), (ANN,))

    assert mail("").replace(b"\r\n\r\n", b"\r\nBcc: ann@contoso.com\r\n\r\n") == below_received(
        letter
    )
