"""Mails above 3,000,000 octets, through a draft: what arrives, and that it does so once."""

from collections.abc import Callable

import pytest

from function_app.means import Means
from function_app.providers.graph.provider import MIME_LIMIT
from handoff.ledger import State
from local.graph_simulator.client import ReceivedMail, SimulatorClient
from tests.builders import MAIL
from tests.function_app.desk import Desk, delivered
from tests.function_app.large_mails import (
    CREATE,
    HEAD,
    MIXED,
    OPEN,
    POST,
    PUT,
    SEARCH,
    SEND,
    file_part,
    fingerprint,
    fingerprint_of,
    mail_with,
    methods,
    octets_of,
)
from tests.function_app.letters import composed

MeansOf = Callable[..., Means]


@pytest.fixture(autouse=True)
def roomy(graph: SimulatorClient) -> None:
    graph.rule(message_limit=150 * 1024 * 1024)


def arrived(desk: Desk, graph: SimulatorClient, means: Means, octets: bytes) -> ReceivedMail:
    """The one mail that came of `octets`."""
    row = delivered(desk, means, desk.a_ticket_with_blob(octets))

    assert (State.SENT, "") == (row.state, row.reason)
    assert [] == graph.state()["drafts"]
    (mail,) = graph.mails()
    return mail


SIZES = {
    2_900_000: [POST],
    2_999_999: [POST],
    3_000_000: [OPEN, PUT],
    3_100_000: [OPEN, PUT],
    3_900_000: [OPEN, PUT],
    4_100_000: [OPEN, PUT, PUT],
    20_000_000: [OPEN, *[PUT] * 6],
    35_000_000: [OPEN, *[PUT] * 9],
}


@pytest.mark.parametrize(("size", "calls"), SIZES.items())
def test_a_file_of_any_size_arrives_octet_for_octet(
    desk: Desk, graph: SimulatorClient, means_of: MeansOf, size: int, calls: list[str]
) -> None:
    octets = octets_of(size)
    mail = arrived(desk, graph, means_of(), mail_with(octets))

    (file,) = mail.attachments
    assert fingerprint(octets) == fingerprint_of(file)
    assert ("scan-1.pdf", "application/pdf") == (file.name, file.content_type)
    assert ("<large@contoso.com>", "Scan") == (mail.message_id, mail.subject)
    assert [SEARCH, CREATE, *calls, SEND] == methods(graph)


def test_up_to_the_limit_a_mail_goes_as_it_is(
    desk: Desk, graph: SimulatorClient, means_of: MeansOf
) -> None:
    fixed = composed(MAIL).size
    mail = arrived(desk, graph, means_of(), MAIL + b"x" * (MIME_LIMIT - fixed))

    assert (MIME_LIMIT, None) == (len(mail.mime), mail.draft)
    assert ["POST sendMail"] == methods(graph)


def test_above_it_a_text_is_a_file(desk: Desk, graph: SimulatorClient, means_of: MeansOf) -> None:
    body = b"x" * 9_000_000
    mail = arrived(desk, graph, means_of(), MAIL + body)

    (file,) = mail.attachments
    assert mail.draft is not None
    assert mail.draft["body"]["content"].endswith("It is attached: text-1.txt")
    assert fingerprint(b"Hello.\r\n" + body) == fingerprint_of(file)


def test_a_long_text_is_shown_as_long_as_a_request_can_hold_it(
    desk: Desk, graph: SimulatorClient, means_of: MeansOf
) -> None:
    text = b"\r\n--b\r\nContent-Type: text/html\r\n\r\n" + b"<p>" * 600_000 + b"\r\n"
    octets = octets_of(2_000_000)
    mail = arrived(desk, graph, means_of(), mail_with(octets, text=text))

    assert mail.draft is not None
    assert "<p>" * 600_000 == mail.draft["body"]["content"]
    assert [fingerprint(octets)] == list(map(fingerprint_of, mail.attachments))


def test_twenty_small_files_arrive_in_their_order(
    desk: Desk, graph: SimulatorClient, means_of: MeansOf
) -> None:
    files = [octets_of(200_000 + number) for number in range(20)]
    mail = arrived(desk, graph, means_of(), mail_with(*files))

    assert [fingerprint(octets) for octets in files] == list(map(fingerprint_of, mail.attachments))
    assert [f"scan-{number}.pdf" for number in range(1, 21)] == [f.name for f in mail.attachments]


def test_small_and_large_files_arrive_in_their_order(
    desk: Desk, graph: SimulatorClient, means_of: MeansOf
) -> None:
    files = [octets_of(size) for size in (5, 5_000_000, 0, 3_000_001)]
    mail = arrived(desk, graph, means_of(), mail_with(*files))

    assert [fingerprint(octets) for octets in files] == list(map(fingerprint_of, mail.attachments))


def test_images_stay_within_their_text(
    desk: Desk, graph: SimulatorClient, means_of: MeansOf
) -> None:
    image = b"Content-Type: image/png; name=x.png\r\nContent-ID: <%s@x>"
    html = b'\r\n--b\r\nContent-Type: text/html\r\n\r\n<img src="cid:1@x"><img src="cid:2@x">\r\n'
    octets = b"".join(
        [
            HEAD,
            b"Content-Type: multipart/related; boundary=b\r\n",
            html,
            file_part(octets_of(100), image % b"1"),
            file_part(octets_of(4_000_000), image % b"2"),
            b"--b--\r\n",
        ]
    )
    mail = arrived(desk, graph, means_of(), octets)

    assert mail.draft is not None
    assert "html" == mail.draft["body"]["contentType"]
    assert [("1@x", True), ("2@x", True)] == [(f.content_id, f.is_inline) for f in mail.attachments]


def test_more_fields_than_json_takes_are_no_obstacle(
    desk: Desk, graph: SimulatorClient, means_of: MeansOf
) -> None:
    own = b"".join(b"X-Own-%d: %d\r\n" % (number, number) for number in range(9))
    mail = arrived(desk, graph, means_of(), own + mail_with(octets_of(3_000_000)))

    assert mail.draft is not None
    assert 5 == len(mail.draft["internetMessageHeaders"])


def test_bare_line_ends_are_no_obstacle(
    desk: Desk, graph: SimulatorClient, means_of: MeansOf
) -> None:
    octets = octets_of(4_000_000)
    mail = arrived(desk, graph, means_of(), mail_with(octets).replace(b"\r\n", b"\n"))

    assert [fingerprint(octets)] == list(map(fingerprint_of, mail.attachments))


def test_what_cannot_be_taken_apart_arrives_as_a_file(
    desk: Desk, graph: SimulatorClient, means_of: MeansOf
) -> None:
    octets = mail_with(octets_of(4_000_000)).replace(b"boundary=b", b"boundary=other")
    mail = arrived(desk, graph, means_of(), octets)

    (file,) = mail.attachments
    assert ("mail.eml", "message/rfc822") == (file.name, file.content_type)
    assert file.size > len(octets)


def test_nobody_sees_who_got_a_blind_copy(
    desk: Desk, graph: SimulatorClient, means_of: MeansOf
) -> None:
    head = MIXED.replace(b"Subject", b"Bcc: hidden@x.org\r\nCc: not@x.org\r\nSubject")
    octets = mail_with(octets_of(3_100_000), head=head)
    ticket = desk.a_ticket_with_blob(octets, to=("ann@contoso.com", "hidden@x.org"))
    delivered(desk, means_of(), ticket)

    (mail,) = graph.mails()
    assert (("ann@contoso.com",), (), ("hidden@x.org",)) == (mail.to, mail.cc, mail.bcc)


# What 3 MB are, nobody says


def test_a_file_that_is_too_small_for_ranges_is_posted(
    desk: Desk, graph: SimulatorClient, means_of: MeansOf
) -> None:
    graph.rule(smallest_upload=3 * 1024 * 1024)
    octets = octets_of(3_100_000)
    mail = arrived(desk, graph, means_of(), mail_with(octets))

    assert [fingerprint(octets)] == list(map(fingerprint_of, mail.attachments))
    assert [SEARCH, CREATE, OPEN, POST, SEND] == methods(graph)


def test_a_file_that_is_too_large_to_be_posted_goes_in_ranges(
    desk: Desk, graph: SimulatorClient, means_of: MeansOf
) -> None:
    graph.rule(smallest_upload=2_000_000)
    octets = octets_of(2_500_000)
    mail = arrived(desk, graph, means_of(), mail_with(octets))

    assert [fingerprint(octets)] == list(map(fingerprint_of, mail.attachments))
    assert [SEARCH, CREATE, POST, OPEN, PUT, SEND] == methods(graph)


def test_fields_that_graph_refuses_are_left_out(
    desk: Desk, graph: SimulatorClient, means_of: MeansOf
) -> None:
    error = {"error": {"code": "InvalidInternetMessageHeader", "message": "No."}}
    graph.fail({"route": "messages", "status": 400, "body": error})
    mail = arrived(desk, graph, means_of(), b"X-Own: 1\r\n" + mail_with(octets_of(3_000_000)))

    assert mail.draft is not None
    assert "internetMessageHeaders" not in mail.draft
