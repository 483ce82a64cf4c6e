"""The simulator is as strict as Graph: sendMail and its limits."""

import re
import threading
import time
from typing import Any

import pytest
import requests

from local.graph_simulator.client import SimulatorClient
from local.graph_simulator.mime import read_header, without_bcc
from tests.builders import MAIL
from tests.fixtures.graph import GraphMailbox, error_of

SENDER = GraphMailbox.address
INVALID = (400, "ErrorMimeContentInvalidBase64String")
NOBODY = (400, "ErrorInvalidRecipients")
DENIED = (403, "ErrorSendAsDenied")
FROM = b"From: scan@contoso.com\r\n"
MESSAGE: dict[str, Any] = {
    "subject": "Scan",
    "body": {"contentType": "text", "content": "Hello"},
    "toRecipients": [{"emailAddress": {"address": "ann@contoso.com"}}],
    "bccRecipients": [{"emailAddress": {"address": "eve@x.org"}}],
}


def test_a_mail_is_taken_as_it_was_sent(graph: SimulatorClient, mailbox: GraphMailbox) -> None:
    answer = mailbox.send(client_request_id="c-1")

    (mail,) = graph.mails()
    assert (202, b"") == (answer.status_code, answer.content)
    assert MAIL == mail.mime == mail.delivered
    assert ("ann@contoso.com",) == mail.recipients
    assert (SENDER, "<one@contoso.com>", "Scan") == (mail.mailbox, mail.message_id, mail.subject)
    assert ("c-1", answer.headers["request-id"]) == (mail.client_request_id, mail.request_id)


def test_every_answer_has_the_headers_of_graph(mailbox: GraphMailbox) -> None:
    for answer in (mailbox.send(client_request_id="c-1"), mailbox.get("nonsense")):
        assert re.fullmatch(r"[0-9a-f-]{36}", answer.headers["request-id"])
        assert '"ServerInfo"' in answer.headers["x-ms-ags-diagnostic"]
        assert "Date" in answer.headers
    own = mailbox.send()
    assert own.headers["request-id"] == own.headers["client-request-id"]


def test_the_header_decides_who_gets_it() -> None:
    header = read_header(
        b"From: scan@contoso.com\r\nTo: Ann <ann@contoso.com>,\r\n =?utf-8?Q?B=2C_b?= <b@x.org>\r\n"
        b"Cc: friends: c@x.org, d@x.org;\r\nBCC: e@x.org\r\nResent-To: no@x.org\r\n"
        b"Bcc: f@\xc3\xa9.org\r\nSubject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\n\r\nTo: body@x.org\r\n"
    )

    assert ["ann@contoso.com", "b@x.org"] == header.to
    assert ["c@x.org", "d@x.org"] == header.cc
    assert ["e@x.org", "f@\xe9.org"] == header.bcc
    assert ("Gr\xfc\xdfe", []) == (header.subject, header.invalid)


def test_each_address_gets_one_copy(graph: SimulatorClient, mailbox: GraphMailbox) -> None:
    mailbox.send(FROM + b"To: Ann@x.org, ann@X.org\r\nCc: ANN@x.org\r\nBcc: bob@x.org\r\n\r\nx")

    (mail,) = graph.mails()
    assert ("Ann@x.org", "bob@x.org") == mail.recipients
    assert (("ANN@x.org",), ("bob@x.org",)) == (mail.cc, mail.bcc)


@pytest.mark.parametrize(
    ("mime", "delivered"),
    [
        (b"Bcc: e@x.org,\r\n\tf@x.org\r\nTo: a@x.org\r\n\r\nx", b"To: a@x.org\r\n\r\nx"),
        (b"To: a@x.org\r\nbcc : e@x.org\r\n\r\nBcc: b\r\n", b"To: a@x.org\r\n\r\nBcc: b\r\n"),
        (b"To: a@x.org\r\nBcc: e@x.org", b"To: a@x.org\r\n"),
        (b"To: a@x.org\nBcc: e@x.org\n\nBcc: b\n", b"To: a@x.org\n\nBcc: b\n"),
        (b"X-Bcc: e@x.org\r\n\r\nx", b"X-Bcc: e@x.org\r\n\r\nx"),
        (b"Resent-Bcc: e@x.org\r\n\r\nx", b"Resent-Bcc: e@x.org\r\n\r\nx"),
    ],
)
def test_bcc_is_in_no_copy_and_nothing_else_is_missing(mime: bytes, delivered: bytes) -> None:
    assert delivered == without_bcc(mime)


def test_the_sent_item_keeps_bcc(graph: SimulatorClient, mailbox: GraphMailbox) -> None:
    mime = FROM + b"Bcc: eve@x.org\r\n\r\nx"
    mailbox.send(mime)

    (mail,) = graph.mails()
    assert (mime, FROM + b"\r\nx") == (mail.mime, mail.delivered)


@pytest.mark.parametrize(
    ("mime", "expected"),
    [
        (b"", INVALID),
        (b"\r\nno header", INVALID),
        (b"no field\r\n\r\nx", INVALID),
        (FROM + b"To: a@x.org\r\n\r\nbare\n", INVALID),
        (FROM + b"\r\nx", NOBODY),
        (FROM + b"To: undisclosed-recipients:;\r\n\r\nx", NOBODY),
        (FROM + b"To: a@x.org, ann\r\n\r\nx", NOBODY),
        (FROM + b"Resent-To: a@x.org\r\n\r\nx", NOBODY),
        (b"From: eve@contoso.com\r\nTo: a@x.org\r\n\r\nx", DENIED),
        (b"From: scan@contoso.com, eve@contoso.com\r\nTo: a@x.org\r\n\r\nx", DENIED),
        (b'From: "a@b" <scan@contoso.com>\r\nTo: a@x.org\r\n\r\nx', DENIED),
        (b"From: =?utf-8?Q?a=40b?= <scan@contoso.com>\r\nTo: a@x.org\r\n\r\nx", DENIED),
    ],
)
def test_what_graph_refuses(
    graph: SimulatorClient, mailbox: GraphMailbox, mime: bytes, expected: tuple[int, str]
) -> None:
    assert expected == error_of(mailbox.send(mime))
    assert [] == graph.mails()


@pytest.mark.parametrize(
    ("headers", "body", "expected"),
    [
        ({}, b"!!!", INVALID),
        ({}, b"QQ", INVALID),
        ({}, b"VG86IGFA!eC5vcmcNCg0KeA==", INVALID),
        ({"Content_Type": "message/rfc822"}, b"QQ==", (415, "UnsupportedMediaType")),
        ({"Content_Type": "text/plain; charset=utf-8"}, b"QQ==", (415, "UnsupportedMediaType")),
        ({"Content_Type": "application/json"}, b'{"mess', (400, "UnableToDeserializePostBody")),
        ({"Content_Type": "application/json"}, b'{"a":1}', (400, "ErrorInvalidParameter")),
    ],
)
def test_only_base64_and_json_are_read(
    mailbox: GraphMailbox, headers: dict[str, Any], body: bytes, expected: tuple[int, str]
) -> None:
    assert expected == error_of(mailbox.send(body=body, **headers))


def test_base64_may_be_wrapped(graph: SimulatorClient, mailbox: GraphMailbox) -> None:
    mailbox.send(body=b"RnJvbTogc2NhbkBjb250b3NvLmNvbQ0K\r\nVG86IGFAeC5vcmcNCg0KeA==\n")

    assert [FROM + b"To: a@x.org\r\n\r\nx"] == [mail.mime for mail in graph.mails()]


def test_a_mail_without_message_id_gets_one(graph: SimulatorClient, mailbox: GraphMailbox) -> None:
    mailbox.send(FROM + b"To: a@x.org\r\n\r\nx")

    assert re.fullmatch(r"<\S+@\S+>", graph.mails()[0].message_id)


@pytest.mark.parametrize(("over_limit", "status"), [("413", 413), ("400", 400), ("200", 200)])
@pytest.mark.parametrize("size", [3_145_729, 9_000_000])
def test_a_body_above_four_mib_is_never_sent(
    graph: SimulatorClient, mailbox: GraphMailbox, over_limit: str, status: int, size: int
) -> None:
    graph.rule(over_limit=over_limit)

    answer = mailbox.send(MAIL.ljust(size, b"x"))

    assert status == answer.status_code
    assert ("maximum request length" in answer.text) == (status != 200)
    assert [] == graph.mails()


def test_a_body_of_four_mib_is_sent(graph: SimulatorClient, mailbox: GraphMailbox) -> None:
    assert 202 == mailbox.send(MAIL.ljust(3_145_728, b"x")).status_code


def test_a_mail_above_the_message_limit_is_refused(
    graph: SimulatorClient, mailbox: GraphMailbox
) -> None:
    graph.rule(message_limit=len(MAIL) - 1)

    assert (400, "ErrorMessageSizeExceeded") == error_of(mailbox.send())


def test_bare_line_feeds_can_be_mangled(graph: SimulatorClient, mailbox: GraphMailbox) -> None:
    graph.rule(bare_lf="mangle")
    mailbox.send(FROM + b"To: a@b.org\r\n\r\nsoft=\nbreak")
    mailbox.send(FROM + b"To: a@b.org\r\n\r\nsoft=\r\nbreak")

    bare, right = graph.mails()
    assert bare.delivered.endswith(b"soft=break")
    assert right.delivered.endswith(b"soft=\r\nbreak")


def test_the_fifth_request_at_once_is_throttled(
    graph: SimulatorClient, mailbox: GraphMailbox
) -> None:
    graph.fail({"route": "sendMail", "hang": True, "times": 4})
    threads = [threading.Thread(target=_until_it_breaks, args=[mailbox]) for _ in range(4)]
    for thread in threads:
        thread.start()
    give_up_at = time.monotonic() + 2
    while graph.state()["faults"]:  # each hanging request takes one
        assert time.monotonic() < give_up_at
    fifth = mailbox.send()
    elsewhere = mailbox.send(MAIL.replace(b"scan@", b"fax@", 1), user="fax@contoso.com")
    other_app = mailbox.send(Authorization=f"Bearer {mailbox.token(client_id='other')}")
    for thread in threads:
        thread.join()

    assert (429, "ApplicationThrottled") == error_of(fifth)
    assert "MailboxConcurrency" in fifth.text
    assert "1" == fifth.headers["Retry-After"]
    assert [202, 202] == [elsewhere.status_code, other_app.status_code]
    assert {SENDER: 4, "fax@contoso.com": 1} == graph.state()["most_in_flight"]


def _until_it_breaks(mailbox: GraphMailbox) -> None:
    with pytest.raises(requests.Timeout):
        requests.post(f"{mailbox.user}/sendMail", headers=dict(mailbox.session.headers), timeout=2)


def test_octets_within_five_minutes_are_limited(
    graph: SimulatorClient, mailbox: GraphMailbox
) -> None:
    graph.rule(upload_bytes=1000)
    first, second = mailbox.send(MAIL.ljust(600, b"x")), mailbox.send(MAIL.ljust(600, b"x"))

    assert 202 == first.status_code
    assert (429, "ApplicationThrottled") == error_of(second)
    assert "IncomingBytes" in second.text


def test_json_is_recorded_like_mime(graph: SimulatorClient, mailbox: GraphMailbox) -> None:
    assert 202 == mailbox.send_json(MESSAGE).status_code

    (mail,) = graph.mails()
    assert ("ann@contoso.com", "eve@x.org") == mail.recipients
    assert (b"", "Scan") == (mail.mime, mail.subject)
    assert mail.draft is not None
    assert MESSAGE["body"] == mail.draft["body"]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"toRecipients": [], "bccRecipients": []}, NOBODY),
        ({"toRecipients": [{"emailAddress": {"address": "ann"}}]}, NOBODY),
        ({"from": {"emailAddress": {"address": "eve@contoso.com"}}}, DENIED),
        (
            {"internetMessageHeaders": [{"name": "In-Reply-To", "value": "v"}]},
            (400, "InvalidInternetMessageHeader"),
        ),
        (
            {"internetMessageHeaders": [{"name": f"X-{n}", "value": "v"} for n in range(6)]},
            (400, "InvalidInternetMessageHeaderCollection"),
        ),
    ],
)
def test_what_graph_refuses_in_json(
    graph: SimulatorClient,
    mailbox: GraphMailbox,
    change: dict[str, Any],
    expected: tuple[int, str],
) -> None:
    assert expected == error_of(mailbox.send_json(MESSAGE | change))
    assert [] == graph.mails()
