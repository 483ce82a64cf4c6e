"""Compose: nothing changes without need, nothing that was accepted is refused without need."""

from datetime import timedelta

import pytest

from function_app.compose import Uncomposable, compose
from tests.builders import MAIL, NOW, a_ticket
from tests.function_app.letters import below_received, composed, header_of, named_in

RECEIVED = b"Received: from scanner-2f by plant-2 with SMTP id "


def test_a_mail_that_names_its_envelope_stays_as_it_is() -> None:
    assert MAIL == below_received(composed(MAIL))


# What is missing


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
    assert domain_id == letter.message_id


def test_an_empty_mail_is_a_mail() -> None:
    head, gap, body = composed(b"").mime().partition(b"\r\n\r\n")

    assert (b"\r\n\r\n", b"") == (gap, body)
    assert b"\r\nBcc: ann@contoso.com\r\n" in head


def test_a_header_without_a_body_is_a_mail() -> None:
    letter = composed(b"Subject: only this")

    assert b"\r\nSubject: only this\r\n" in letter.mime()
    assert letter.mime().endswith(b"\r\n\r\n")


def test_a_date_lies_in_no_future() -> None:
    ahead = a_ticket(b"", received_at=NOW + timedelta(days=400))

    assert ["Sat, 21 Nov 2026 05:00:00 +0000"] == header_of(compose(ahead, b"", NOW).mime(), "Date")


def test_a_late_attempt_keeps_the_date() -> None:
    ticket = a_ticket(b"")

    assert compose(ticket, b"", NOW).mime() == compose(ticket, b"", NOW + timedelta(days=2)).mime()


def test_an_empty_date_is_none() -> None:
    letter = composed(b"Date: \r\nTo: ann@contoso.com\r\n\r\nx")

    assert ["Sat, 21 Nov 2026 05:00:00 +0000"] == header_of(letter.mime(), "Date")


def test_an_empty_subject_stays() -> None:
    assert [""] == header_of(composed(b"Subject:\r\n\r\nx").mime(), "Subject")


def test_a_mime_version_is_added_where_content_fields_ask_for_it() -> None:
    assert ["1.0"] == header_of(composed(b"Content-Type: text/x\r\n\r\nx").mime(), "MIME-Version")
    assert [] == header_of(composed(b"\r\nx").mime(), "MIME-Version")


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (b"<one@contoso.com>", "<one@contoso.com>"),
        (b"\r\n <one@contoso.com>", "<one@contoso.com>"),
        (b"see <one@contoso.com> (x)", "<one@contoso.com>"),
        (b"one@contoso.com", None),
        (b"<", None),
        (b"<a b@c>", None),
        (b"<caf\xe9@x>", None),
        (b"<" + b"x" * 901 + b">", None),
    ],
)
def test_a_message_id_is_kept_when_it_is_one(written: bytes, expected: str | None) -> None:
    field = b"Message-ID: " + written + b"\r\n"
    letter = composed(field + b"\r\nx")
    ours = f"<{letter.id}@contoso.com>"

    assert (expected or ours) == letter.message_id
    assert letter.message_id in header_of(letter.mime(), "Message-ID")[0]
    assert (b"\r\n" + field in letter.mime()) == (expected is not None)
    assert (b"X-Original-" + field in letter.mime()) == (expected is None)


# Line ends, long lines, odd octets


def test_line_ends_are_made_whole() -> None:
    letter = composed(b"Subject: x\nTo: ann@contoso.com\n\none=\ntwo\rthree\r\n\r\r\n")

    assert letter.mime().endswith(b"\r\n\r\none=\r\ntwo\r\nthree\r\n\r\n\r\n")


def test_a_bare_return_hides_no_recipient() -> None:
    letter = composed(b"Subject: x\rTo: eve@x.org\r\rbody")

    assert {"ann@contoso.com"} == named_in(letter.mime())


def test_a_line_of_spaces_does_not_end_the_header() -> None:
    letter = composed(b"Subject: x\r\n \t\r\n y\r\n \r\nTo: ann@contoso.com\r\n\r\nbody")

    assert b"Subject: x\r\n y\r\nTo: ann@contoso.com\r\n" in letter.mime()


def test_long_header_lines_are_folded_at_their_spaces() -> None:
    references = b"References:" + b" <0123456789@contoso.com>" * 100
    letter = composed(references + b"\r\nTo: ann@contoso.com\r\n\r\nbody")
    head = letter.mime().partition(b"\r\n\r\n")[0]

    assert references in head.replace(b"\r\n ", b" ")
    assert max(map(len, head.split(b"\r\n"))) <= 998


def test_a_long_header_line_without_a_space_stays() -> None:
    token = b"X-Token: " + b"x" * 3_000 + b"\r\n"

    assert token in composed(token + b"\r\nbody").mime()


def test_odd_octets_in_other_fields_stay() -> None:
    head = b"X-Odd: caf\xe9 \x00 \x1b[31m\r\nSubject: caf\xe9\r\n"

    assert head in composed(head + b"To: ann@contoso.com\r\n\r\nx").mime()


@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", b"From me Sat Nov 21 05:00:00 2026\r\n"])
def test_what_some_put_in_front_of_a_header_goes(mark: bytes) -> None:
    assert MAIL == below_received(composed(mark + MAIL))


def test_a_space_before_a_colon_does_not_end_the_header() -> None:
    letter = composed(b"From : scan@contoso.com\r\n, \t: x:y\r\nTo: ann@contoso.com\r\n\r\nx")

    assert below_received(letter).startswith(b"From: scan@contoso.com\r\n,: x:y\r\nTo:")


@pytest.mark.parametrize(
    "body",
    [
        b"\x00\x01\x02",
        "Umlaute: \u00e4\u00f6\u00fc".encode("latin-1"),
        b"x" * 2_000_000,
        b"--a\r\nContent-Type: multipart/mixed; boundary=b\r\n" * 1_000,
        b"From me\r\n.\r\n..\r\n",
    ],
    ids=["control", "latin-1", "long line", "no parts", "dots"],
)
def test_a_body_stays_octet_for_octet(body: bytes) -> None:
    assert composed(MAIL + body).mime().endswith(b"\r\nHello.\r\n" + body)


# Twins, hops, and what cannot be


def test_of_twins_the_first_counts_and_the_others_stay_aside() -> None:
    letter = composed(b"Subject: one\r\nSubject: two\r\nDate: a\r\ndate: b\r\n\r\nx")

    assert ["one"] == header_of(letter.mime(), "Subject")
    assert ["two"] == header_of(letter.mime(), "X-Original-Subject")
    assert (["a"], ["b"]) == (
        header_of(letter.mime(), "Date"),
        header_of(letter.mime(), "X-Original-Date"),
    )


def test_a_mail_that_goes_round_is_stopped() -> None:
    hops = b"Received: by somewhere\r\n"

    assert composed(hops * 50 + MAIL)
    with pytest.raises(Uncomposable, match="passed 51 servers") as error:
        composed(hops * 51 + MAIL)

    assert "loop" == error.value.code


def test_a_header_without_end_is_refused() -> None:
    assert composed(b"X: y\r\n" * 9_000 + MAIL)
    with pytest.raises(Uncomposable, match="more than 10,000 fields") as error:
        composed(b"X: y\r\n" * 10_001 + MAIL)

    assert "header-too-large" == error.value.code


def test_the_way_is_told_on_top() -> None:
    letter = composed(MAIL)
    line = RECEIVED + letter.id.encode() + b"; Sat, 21 Nov 2026 05:00:00 +0000\r\n"

    assert letter.mime().startswith(line + b"From:")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("plant; (x) by <y>", b"plant-x-by-y"),
        ("\u00e4", b"unknown"),
        ("", b"unknown"),
        ("a" * 128, b"a" * 128),
    ],
)
def test_no_name_can_break_out_of_the_way(name: str, expected: bytes) -> None:
    line = composed(MAIL, device=name).mime().partition(b"\r\n")[0]

    assert line.startswith(b"Received: from " + expected + b" by plant-2 with SMTP id 0")
