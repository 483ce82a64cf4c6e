"""The report to a sender: every octet of one, and what other programs read in any of them."""

from datetime import timedelta
from email import message_from_bytes
from email.policy import default

import pytest
from hypothesis import given
from hypothesis import strategies as st

from function_app.compose import compose
from function_app.mime.fields import Field, split
from function_app.notices.enhanced import STATUS, enhanced_status
from function_app.notices.own_mail import OwnMail, ticket_of
from function_app.notices.report import Death, report
from function_app.providers.graph.verdicts import _PERMANENT
from handoff.octets import with_crlf
from handoff.ticket import SendAs, Ticket
from tests.builders import MAIL, NOW, a_ticket
from tests.function_app.bounces import failed_recipients, part_of

ID = "01JD3V6Q8K0123456789ABCDEF"
MAILBOX = "relay@contoso.com"
SENDER = "scan@contoso.com"
REASON = "There is no such mailbox."

EXACT = b"""\
From: Mail relay <relay@contoso.com>
To: scan@contoso.com
Subject: Not sent: Scan
Date: Sat, 21 Nov 2026 06:00:00 +0000
Message-ID: <01JD3V6Q8K0123456789ABCDEF@contoso.com>
Auto-Submitted: auto-replied
X-Auto-Response-Suppress: All
Content-Type: multipart/mixed; boundary="=_01JD3V6Q8K0123456789ABCDEF_1"
MIME-Version: 1.0

--=_01JD3V6Q8K0123456789ABCDEF_1
Content-Type: multipart/report; report-type="delivery-status";
 boundary="=_01JD3V6Q8K0123456789ABCDEF_2"

--=_01JD3V6Q8K0123456789ABCDEF_2
Content-Type: text/plain; charset="us-ascii"
Content-Transfer-Encoding: 7bit

Your mail was not sent. It will not be tried again by itself.

  Subject      Scan
  Accepted     2026-11-21 05:00 UTC
  From device  scanner-2f at plant-2
  Recipients   ann@contoso.com, bob@fabrikam.com
  Id           01JD3V6Q8K5T0C9E8XW2M7B4FA

The reason:

There is no such mailbox.

The relay keeps the mail. When the cause is removed, an administrator
can have it sent: tell the id when you ask for help. If it cannot wait,
send it another way.

This mail was written by the relay itself; nobody reads an answer to it.

--=_01JD3V6Q8K0123456789ABCDEF_2
Content-Type: message/delivery-status

Reporting-MTA: dns; contoso.com
Original-Envelope-Id: 01JD3V6Q8K5T0C9E8XW2M7B4FA
Arrival-Date: Sat, 21 Nov 2026 05:00:00 +0000

Final-Recipient: rfc822; ann@contoso.com
Action: failed
Status: 5.1.8
Diagnostic-Code: x-relay; ErrorInvalidUser: There is no such mailbox.
Last-Attempt-Date: Sat, 21 Nov 2026 06:00:00 +0000

Final-Recipient: rfc822; bob@fabrikam.com
Action: failed
Status: 5.1.8
Diagnostic-Code: x-relay; ErrorInvalidUser: There is no such mailbox.
Last-Attempt-Date: Sat, 21 Nov 2026 06:00:00 +0000

--=_01JD3V6Q8K0123456789ABCDEF_2
Content-Type: text/rfc822-headers

From: Scanner <scan@contoso.com>
To: ann@contoso.com
Subject: Scan
Date: Sat, 21 Nov 2026 05:00:00 +0000
Message-ID: <one@contoso.com>

--=_01JD3V6Q8K0123456789ABCDEF_2--

--=_01JD3V6Q8K0123456789ABCDEF_1--
""".replace(b"\n", b"\r\n")


def a_death(octets: bytes | None = MAIL, **changes: object) -> Death:
    ticket = a_ticket(id="01JD3V6Q8K5T0C9E8XW2M7B4FA", to=("ann@contoso.com", "bob@fabrikam.com"))
    parts: dict[str, object] = {
        "ticket": ticket,
        "code": "ErrorInvalidUser",
        "reason": REASON,
        "at": NOW.replace(microsecond=0) + timedelta(hours=1),
        "fields": None if octets is None else fields_of(octets),
    }
    return Death(**parts | changes)  # type: ignore[arg-type]


def fields_of(octets: bytes) -> tuple[Field, ...]:
    return tuple(split(with_crlf(octets))[0])


def reported(death: Death) -> bytes:
    return report(death, id_=ID, mailbox=MAILBOX, to=SENDER)


def to_many(*paths: str) -> Ticket:
    return a_ticket(to=paths)


def test_a_report_is_exactly_this() -> None:
    assert EXACT == reported(a_death())


def test_a_report_is_no_report_at_the_top() -> None:
    # Exchange would add the failed recipients to those of the message: they would get it.
    top = message_from_bytes(reported(a_death()), policy=default)

    assert "multipart/mixed" == top.get_content_type()
    assert ["multipart/report"] == [part.get_content_type() for part in top.iter_parts()]


def test_a_detector_of_bounces_finds_the_recipients() -> None:
    found = failed_recipients(reported(a_death()))

    assert [("ann@contoso.com", "5.1.8"), ("bob@fabrikam.com", "5.1.8")] == found


def test_nothing_of_the_body_is_in_a_report() -> None:
    octets = reported(a_death(MAIL.replace(b"Hello.", b"The secret plan.")))

    assert b"secret plan" not in octets


def test_a_header_beyond_ascii_comes_back_octet_for_octet() -> None:
    mail = MAIL.replace(b"Subject: Scan", "Subject: Größe".encode() + b"\r\nX-Odd: \xff\x01")
    octets = reported(a_death(mail))

    assert mail.partition(b"\r\n\r\n")[0] + b"\r\n" == part_of(octets, "text/rfc822-headers")
    assert "Not sent: Größe" == message_from_bytes(octets, policy=default)["Subject"]
    assert "  Subject      Größe\r\n" in part_of(octets, "text/plain").decode()


def test_an_encoded_subject_is_shown_decoded() -> None:
    mail = MAIL.replace(b"Subject: Scan", b"Subject: =?utf-8?q?Gr=C3=B6=C3=9Fe?=")

    found = message_from_bytes(reported(a_death(mail)), policy=default)["Subject"]

    assert "Not sent: Größe" == found


def test_a_very_long_header_comes_back_in_part() -> None:
    mail = b"".join(b"X-Field-%d: %s\r\n" % (n, b"x" * 500) for n in range(200)) + b"\r\n"

    found = part_of(reported(a_death(mail)), "text/rfc822-headers")

    assert mail.startswith(found.rstrip())
    assert 10_000 < len(found) <= 16 * 1024


ODD_FIELDS = {"a long line": b"X-Long: " + b"x" * 2_000, "a NUL": b"X-Odd: \0\x1b"}


@pytest.mark.parametrize("field", ODD_FIELDS.values(), ids=ODD_FIELDS)
def test_an_odd_header_comes_back_in_lines_that_every_server_takes(field: bytes) -> None:
    octets = reported(a_death(field + b"\r\n" + MAIL))

    assert part_of(octets, "text/rfc822-headers").startswith(field + b"\r\n")
    assert b"\0" not in octets
    assert max(map(len, octets.split(b"\r\n"))) <= 998


def test_a_very_long_subject_is_cut() -> None:
    octets = reported(a_death(MAIL.replace(b"Scan\r\n", b"Scan" * 200 + b"\r\n")))

    assert b"\r\nSubject: Not sent: Scan" in octets
    assert max(map(len, octets.partition(b"\r\n\r\n")[0].split(b"\r\n"))) < 200


def test_a_recipient_beyond_ascii_is_spelled_in_ascii() -> None:
    octets = reported(a_death(ticket=to_many("jörg+a@exämple.org")))

    assert [("j\\x{F6}rg\\x{2B}a@ex\\x{E4}mple.org", "5.1.8")] == failed_recipients(octets)


def test_a_mail_whose_content_is_lost_must_be_sent_again() -> None:
    octets = reported(a_death(None, code="content-lost"))

    assert b"Please send it again." in part_of(octets, "text/plain")
    assert b"text/rfc822-headers" not in octets
    assert ("ann@contoso.com", "5.3.0") == failed_recipients(octets)[0]


@pytest.mark.parametrize("code", ["poison", "unsure"])
def test_a_mail_that_may_have_been_sent_is_not_called_unsent(code: str) -> None:
    text = part_of(reported(a_death(code=code)), "text/plain")

    assert b"may not have been sent" in text
    assert b"was not sent" not in text


@pytest.mark.parametrize("code", sorted(_PERMANENT))
def test_each_permanent_answer_of_graph_has_a_status(code: str) -> None:
    assert code in STATUS


def test_what_is_unknown_has_the_undefined_status() -> None:
    assert "5.0.0" == enhanced_status("ErrorOfTomorrow")


ANY_LINE = st.binary(max_size=200).map(lambda octets: octets.replace(b"\n", b""))
ANY_HEADER = st.lists(ANY_LINE, max_size=12).map(b"\r\n".join)
ANY_PATH = st.from_regex(r"[a-zà-ÿ\\+=!]{1,30}@[a-zà-ÿ0-9-]{1,30}\.org", fullmatch=True)
ANY_TEXT = st.text(max_size=2_000)


@given(ANY_HEADER, st.lists(ANY_PATH, min_size=1, max_size=4, unique=True), ANY_TEXT, ANY_TEXT)
def test_any_report_is_a_sound_mail(
    header: bytes, paths: list[str], reason: str, code: str
) -> None:
    fields = tuple(split(with_crlf(b"Subject: x\r\n" + header + b"\r\n"))[0])
    death = a_death(ticket=to_many(*paths), fields=fields, reason=reason, code=code)
    octets = reported(death)

    assert octets == reported(death)
    assert len(paths) == len(failed_recipients(octets))
    assert octets.count(b"\n") == octets.count(b"\r\n") == octets.count(b"\r")
    assert max(map(len, octets.split(b"\r\n"))) <= 998
    assert octets.isascii()


@given(ANY_HEADER)
def test_a_report_goes_through_compose_to_the_sender_alone(header: bytes) -> None:
    fields = fields_of(header + b"\r\n\r\n")
    mail = OwnMail(ID, SENDER, SendAs(mailbox=MAILBOX), reported(a_death(fields=fields)))

    letter = compose(ticket_of(mail, NOW), mail.octets, NOW)

    mime = b"".join(letter.pieces())
    assert (SENDER,) == letter.forward_paths
    assert f"<{ID}@contoso.com>" == letter.message_id
    assert mail.octets == mime.partition(b"\r\n")[2]
