"""The simulator is as strict as Graph: drafts, attachments, upload sessions."""

import base64
import hashlib
import json
from typing import Any

import pytest
import requests

from local.graph_simulator.client import SimulatorClient
from tests.builders import MAIL
from tests.fixtures.graph import GraphMailbox, error_of

LARGE = bytes(range(256)) * 16_000  # 4,096,000 octets
NOT_FOUND = (404, "ErrorItemNotFound")
INVALID = (400, "ErrorInvalidParameter")
MESSAGE: dict[str, Any] = {
    "subject": "Scan",
    "body": {"contentType": "text", "content": "Hello"},
    "toRecipients": [{"emailAddress": {"address": "ann@contoso.com"}}],
    "bccRecipients": [{"emailAddress": {"address": "eve@x.org"}}],
}
FILE = {
    "@odata.type": "#microsoft.graph.fileAttachment",
    "name": "a.pdf",
    "contentType": "application/pdf",
    "contentBytes": base64.b64encode(b"%PDF").decode(),
}


def upload_url(mailbox: GraphMailbox, draft: str, size: int, **changes: Any) -> str:
    item = {"attachmentType": "file", "name": "scan.pdf", "size": size} | changes
    answer = mailbox.post(f"{draft}/attachments/createUploadSession", {"AttachmentItem": item})
    assert answer.status_code == 201, answer.text
    assert ["0-"] == answer.json()["nextExpectedRanges"]
    return str(answer.json()["uploadUrl"])


def put(url: str, octets: bytes, first: int, size: int, **headers: str) -> requests.Response:
    last = first + len(octets) - 1
    wanted = {"Content-Range": f"bytes {first}-{last}/{size}"}
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return requests.put(url, data=octets, headers=wanted | fields, timeout=30)


def create_from_mime(mailbox: GraphMailbox, mime: bytes) -> requests.Response:
    headers = {"Content-Type": "text/plain", "Prefer": 'IdType="ImmutableId"'}
    return mailbox.session.post(
        mailbox.messages, data=base64.b64encode(mime), headers=headers, timeout=30
    )


def test_a_draft_with_attachments_is_sent(graph: SimulatorClient, mailbox: GraphMailbox) -> None:
    draft, half = mailbox.create(MESSAGE | {"attachments": [FILE]}), 2_000_000
    posted = mailbox.post(f"{draft}/attachments", FILE | {"isInline": True, "contentId": "c1"})
    url = upload_url(mailbox, draft, len(LARGE), contentType="application/pdf")
    first = put(url, LARGE[:half], 0, len(LARGE))
    last = put(url, LARGE[half:], half, len(LARGE))
    sent = mailbox.post(f"{draft}/send")

    assert [201, 200, 201, 202] == [a.status_code for a in (posted, first, last, sent)]
    assert [str(half)] == first.json()["nextExpectedRanges"]
    assert "ExpirationDateTime" in first.json()
    assert (b"", True) == (last.content, "Location" in last.headers)
    (mail,) = graph.mails()
    assert ("ann@contoso.com", "eve@x.org") == mail.recipients
    assert mail.draft == MESSAGE
    small, inline, large = mail.attachments
    assert [hashlib.sha256(b"%PDF").hexdigest()] * 2 == [small.sha256, inline.sha256]
    assert (True, "c1") == (inline.is_inline, inline.content_id)
    assert (len(LARGE), hashlib.sha256(LARGE).hexdigest()) == (large.size, large.sha256)
    assert ([], 0) == (graph.state()["drafts"], graph.state()["uploads"])


def test_a_draft_is_shown_as_graph_shows_it(mailbox: GraphMailbox) -> None:
    shown = create_from_mime(mailbox, MAIL).json()
    found = mailbox.get(f"messages/{shown['id']}", select="isDraft,internetMessageId").json()
    folder = mailbox.get("mailFolders/drafts").json()["id"]

    assert 72 == len(shown["id"])
    assert (True, folder) == (shown["isDraft"], shown["parentFolderId"])
    assert [{"emailAddress": {"name": "ann@contoso.com", "address": "ann@contoso.com"}}] == shown[
        "toRecipients"
    ]
    assert {
        "id": shown["id"],
        "isDraft": True,
        "internetMessageId": "<one@contoso.com>",
    } == found


def test_an_immutable_id_outlives_sending(mailbox: GraphMailbox) -> None:
    draft = mailbox.create(MESSAGE)
    mailbox.post(f"{draft}/send")
    shown = mailbox.get(f"messages/{draft}").json()

    assert not shown["isDraft"]
    assert mailbox.get("mailFolders/sentitems").json()["id"] == shown["parentFolderId"]
    assert NOT_FOUND == error_of(mailbox.post(f"{draft}/send"))


def test_another_id_does_not(mailbox: GraphMailbox) -> None:
    draft = mailbox.create(MESSAGE, prefer="")
    mailbox.post(f"{draft}/send")

    assert 140 == len(draft)
    assert NOT_FOUND == error_of(mailbox.get(f"messages/{draft}"))


@pytest.mark.parametrize(("in_transit", "status"), [("draft", 200), ("missing", 404)])
def test_a_sent_draft_is_in_transit_for_a_while(
    graph: SimulatorClient, mailbox: GraphMailbox, in_transit: str, status: int
) -> None:
    graph.rule(sent_delay=600, in_transit=in_transit)
    draft = mailbox.create(MESSAGE)
    mailbox.post(f"{draft}/send")
    answer = mailbox.get(f"messages/{draft}")

    assert status == answer.status_code
    assert answer.json().get("isDraft", True)


def test_a_mime_draft_keeps_its_octets(graph: SimulatorClient, mailbox: GraphMailbox) -> None:
    mailbox.post(f"{create_from_mime(mailbox, MAIL).json()['id']}/send")

    assert [MAIL] == [mail.mime for mail in graph.mails()]


@pytest.mark.parametrize(
    ("mime", "expected"),
    [
        (b"From: scan@contoso.com\r\n\r\nx", (400, "ErrorInvalidRecipients")),
        (b"From: eve@contoso.com\r\nTo: a@x.org\r\n\r\nx", (403, "ErrorSendAsDenied")),
    ],
)
def test_a_draft_may_be_wrong_until_it_is_sent(
    graph: SimulatorClient, mailbox: GraphMailbox, mime: bytes, expected: tuple[int, str]
) -> None:
    draft = create_from_mime(mailbox, mime).json()["id"]

    assert expected == error_of(mailbox.post(f"{draft}/send"))
    assert ([], [draft]) == (graph.mails(), graph.state()["drafts"])


def test_a_draft_can_be_changed(graph: SimulatorClient, mailbox: GraphMailbox) -> None:
    draft = mailbox.create(MESSAGE | {"attachments": [FILE]})
    mailbox.session.patch(f"{mailbox.messages}/{draft}", json={"subject": "Two"}, timeout=30)
    mailbox.post(f"{draft}/send")

    (mail,) = graph.mails()
    assert ("Two", 1) == (mail.subject, len(mail.attachments))
    assert "ann@contoso.com" in mail.recipients


def test_a_deleted_draft_is_gone(graph: SimulatorClient, mailbox: GraphMailbox) -> None:
    draft = mailbox.create(MESSAGE)
    deleted = mailbox.session.delete(f"{mailbox.messages}/{draft}", timeout=30)

    assert 204 == deleted.status_code
    assert NOT_FOUND == error_of(mailbox.post(f"{draft}/send"))
    assert [] == graph.mails()


def test_a_draft_is_its_mailboxes_own(graph: SimulatorClient, mailbox: GraphMailbox) -> None:
    draft = mailbox.create(MESSAGE)
    elsewhere = f"{graph.address}/v1.0/users/fax@contoso.com/messages/{draft}"

    assert NOT_FOUND == error_of(mailbox.session.get(elsewhere, timeout=30))
    assert NOT_FOUND == error_of(mailbox.session.post(f"{elsewhere}/send", timeout=30))


def test_ids_are_case_sensitive(mailbox: GraphMailbox) -> None:
    assert NOT_FOUND == error_of(mailbox.post(f"{mailbox.create(MESSAGE).swapcase()}/send"))


def test_small_files_do_not_go_up_in_ranges_nor_large_ones_at_once(mailbox: GraphMailbox) -> None:
    draft = mailbox.create(MESSAGE)
    item = {"attachmentType": "file", "name": "a", "size": 2_999_999}
    session = mailbox.post(f"{draft}/attachments/createUploadSession", {"AttachmentItem": item})
    largest, above = (
        mailbox.post(
            f"{draft}/attachments",
            FILE | {"contentBytes": base64.b64encode(b"x" * size).decode()},
        )
        for size in (2_999_999, 3_000_000)
    )

    assert (400, "ErrorAttachmentSizeShouldNotBeLessThanMinimumSize") == error_of(session)
    assert [201, 413] == [largest.status_code, above.status_code]


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (None, INVALID),
        ({"attachmentType": "item", "name": "a", "size": 4_000_000}, INVALID),
        ({"attachmentType": "file", "size": 4_000_000}, INVALID),
        ({"attachmentType": "file", "name": "a", "size": "4000000"}, INVALID),
        (
            {"attachmentType": "file", "name": "a", "size": 200 * 1024 * 1024},
            (400, "ErrorAttachmentSizeLimitExceeded"),
        ),
    ],
)
def test_a_wrong_upload_session_is_refused(
    mailbox: GraphMailbox, item: Any, expected: tuple[int, str]
) -> None:
    path = f"{mailbox.create(MESSAGE)}/attachments/createUploadSession"

    assert expected == error_of(mailbox.post(path, {"AttachmentItem": item}))


def test_ranges_are_strict(mailbox: GraphMailbox) -> None:
    size = 5_000_000
    url = upload_url(mailbox, mailbox.create(MESSAGE), size)
    ten = b"x" * 10

    assert 416 == put(url, ten, 10, size).status_code
    assert 413 == put(url, b"x" * (4 * 1024 * 1024), 0, size).status_code
    assert INVALID == error_of(put(url, ten, 0, size + 1))
    assert INVALID == error_of(put(url, ten, 0, size, Content_Range="bytes 0-8/5000000"))
    assert INVALID == error_of(put(url, ten, 0, size, Content_Range="bytes 0-9/*"))
    assert INVALID == error_of(put(url, ten, 0, size, Content_Range=""))
    assert 401 == put(url, ten, 0, size, Authorization="Bearer x").status_code
    assert NOT_FOUND == error_of(put(url + "x", ten, 0, size))
    assert 200 == put(url, ten, 0, size).status_code
    assert 416 == put(url, ten, 0, size).status_code
    assert 200 == put(url, b"x" * (4 * 1024 * 1024 - 1), 10, size).status_code


def test_an_upload_can_be_given_up(mailbox: GraphMailbox) -> None:
    url = upload_url(mailbox, mailbox.create(MESSAGE), 5_000_000)

    assert 204 == requests.delete(url, timeout=30).status_code
    assert NOT_FOUND == error_of(put(url, b"x", 0, 5_000_000))


def test_an_upload_expires(graph: SimulatorClient, mailbox: GraphMailbox) -> None:
    graph.rule(upload_seconds=-1)
    url = upload_url(mailbox, mailbox.create(MESSAGE), 5_000_000)

    assert NOT_FOUND == error_of(put(url, b"x", 0, 5_000_000))


def test_an_upload_of_a_deleted_draft_fails(mailbox: GraphMailbox) -> None:
    draft = mailbox.create(MESSAGE)
    url = upload_url(mailbox, draft, len(LARGE))
    mailbox.session.delete(f"{mailbox.messages}/{draft}", timeout=30)

    assert NOT_FOUND == error_of(put(url, LARGE, 0, len(LARGE)))


def test_a_draft_above_the_message_limit_is_refused(
    graph: SimulatorClient, mailbox: GraphMailbox
) -> None:
    graph.rule(message_limit=len(LARGE) - 1)
    draft = mailbox.create(MESSAGE)
    url = upload_url(mailbox, draft, len(LARGE))
    graph.rule(message_limit=len(LARGE) - 1)

    assert (400, "ErrorMessageSizeExceeded") == error_of(put(url, LARGE, 0, len(LARGE)))
    graph.rule(message_limit=3)
    assert (400, "ErrorMessageSizeExceeded") == error_of(mailbox.post(f"{draft}/attachments", FILE))


def test_uploads_have_faults_of_their_mailbox(
    graph: SimulatorClient, mailbox: GraphMailbox
) -> None:
    url = upload_url(mailbox, mailbox.create(MESSAGE), 5_000_000)
    graph.fail({"route": "upload", "mailbox": mailbox.address, "status": 503})

    assert [503, 200] == [put(url, b"x", 0, 5_000_000).status_code for _ in range(2)]


def test_octets_of_uploads_are_limited(graph: SimulatorClient, mailbox: GraphMailbox) -> None:
    url = upload_url(mailbox, mailbox.create(MESSAGE), 5_000_000)
    graph.rule(upload_bytes=1000)

    assert (429, "ApplicationThrottled") == error_of(put(url, b"x" * 900, 0, 5_000_000))


def test_broken_json_is_refused(mailbox: GraphMailbox) -> None:
    answer = mailbox.session.post(
        mailbox.messages,
        data=json.dumps(MESSAGE)[:-5],
        headers={"Content-Type": "application/json"},
        timeout=30,
    )

    assert (400, "UnableToDeserializePostBody") == error_of(answer)


def test_a_file_without_base64_is_refused(mailbox: GraphMailbox) -> None:
    path = f"{mailbox.create(MESSAGE)}/attachments"

    assert INVALID == error_of(mailbox.post(path, FILE | {"contentBytes": "!"}))
    assert INVALID == error_of(mailbox.post(path, FILE | {"@odata.type": "#other"}))
