"""The simulator is as strict as Graph: drafts, attachments, upload sessions."""

import base64
import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from local.graph_simulator.client import SimulatorClient
from tests.builders import MAIL

SENDER = "scan@contoso.com"
LARGE = bytes(range(256)) * 16_000  # 4,096,000 octets
MESSAGE = {
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


class Mailbox:
    """One mailbox of the simulated Graph, as a client sees it."""

    def __init__(self, graph: SimulatorClient) -> None:
        self.session = requests.Session()
        self.plain = requests.Session()
        token = self.plain.get(
            graph.identity_endpoint,
            params={"resource": "https://graph.microsoft.com"},
            headers={"X-IDENTITY-HEADER": graph.identity_header},
            timeout=10,
        ).json()["access_token"]
        self.session.headers["Authorization"] = f"Bearer {token}"
        self.messages = f"{graph.address}/v1.0/users/{SENDER}/messages"

    def create(self, message: dict[str, Any], prefer: str = 'IdType="ImmutableId"') -> str:
        answer = self.session.post(
            self.messages, json=message, headers={"Prefer": prefer}, timeout=10
        )

        assert answer.status_code == 201
        return str(answer.json()["id"])

    def post(self, path: str, body: Any = None) -> requests.Response:
        return self.session.post(f"{self.messages}/{path}", json=body, timeout=10)

    def upload_url(self, draft: str, size: int) -> str:
        item = {"attachmentType": "file", "name": "scan.pdf", "size": size}
        answer = self.post(f"{draft}/attachments/createUploadSession", {"AttachmentItem": item})

        assert answer.status_code == 201
        assert answer.json()["nextExpectedRanges"] == ["0-"]
        return str(answer.json()["uploadUrl"])

    def put(self, url: str, octets: bytes, first: int, size: int, **headers: str) -> Any:
        last = first + len(octets) - 1
        wanted = {"Content-Range": f"bytes {first}-{last}/{size}"}
        return self.plain.put(url, data=octets, headers=wanted | headers, timeout=10)


@pytest.fixture
def box(graph: SimulatorClient) -> Iterator[Mailbox]:
    box = Mailbox(graph)
    yield box
    box.session.close()
    box.plain.close()


def code_of(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def test_a_draft_with_attachments_is_sent(graph: SimulatorClient, box: Mailbox) -> None:
    draft = box.create(MESSAGE)

    assert box.post(f"{draft}/attachments", FILE).status_code == 201

    url = box.upload_url(draft, len(LARGE))
    half = 2_000_000
    first = box.put(url, LARGE[:half], 0, len(LARGE))

    assert (first.status_code, first.json()["nextExpectedRanges"]) == (200, [str(half)])
    assert box.put(url, LARGE[half:], half, len(LARGE)).status_code == 201
    assert box.post(f"{draft}/send").status_code == 202

    (mail,) = graph.mails()

    assert mail.recipients == ("ann@contoso.com", "eve@x.org")
    assert [file["sha256"] for file in mail.attachments] == [
        hashlib.sha256(b"%PDF").hexdigest(),
        hashlib.sha256(LARGE).hexdigest(),
    ]
    assert graph.state()["drafts"] == []


def test_an_immutable_id_outlives_sending_and_another_does_not(box: Mailbox) -> None:
    for prefer, status in (('IdType="ImmutableId"', 200), ("", 404)):
        draft = box.create(MESSAGE, prefer)
        box.post(f"{draft}/send")
        answer = box.session.get(f"{box.messages}/{draft}", timeout=10)

        assert answer.status_code == status


def test_a_sent_draft_is_seen_after_a_while(graph: SimulatorClient, box: Mailbox) -> None:
    graph.rule(sent_delay=600)
    draft = box.create(MESSAGE)
    box.post(f"{draft}/send")

    assert box.session.get(f"{box.messages}/{draft}", timeout=10).status_code == 404


def test_a_mime_draft_keeps_its_octets(graph: SimulatorClient, box: Mailbox) -> None:
    answer = box.session.post(
        box.messages,
        data=base64.b64encode(MAIL),
        headers={"Content-Type": "text/plain"},
        timeout=10,
    )
    box.post(f"{answer.json()['id']}/send")

    assert graph.mails()[0].mime == MAIL


def test_a_deleted_draft_is_gone(graph: SimulatorClient, box: Mailbox) -> None:
    draft = box.create(MESSAGE)

    assert box.session.delete(f"{box.messages}/{draft}", timeout=10).status_code == 204
    assert code_of(box.post(f"{draft}/send")) == (404, "ErrorItemNotFound")
    assert graph.mails() == []


def test_small_files_do_not_go_up_in_ranges_nor_large_ones_at_once(box: Mailbox) -> None:
    draft = box.create(MESSAGE)
    item = {"attachmentType": "file", "name": "a", "size": 2_999_999}
    large = FILE | {"contentBytes": base64.b64encode(b"x" * 3_000_000).decode()}

    assert code_of(
        box.post(f"{draft}/attachments/createUploadSession", {"AttachmentItem": item})
    ) == (400, "ErrorAttachmentSizeShouldNotBeLessThanMinimumSize")
    assert box.post(f"{draft}/attachments", large).status_code == 413


def test_ranges_are_strict(graph: SimulatorClient, box: Mailbox) -> None:
    size = 5_000_000
    url = box.upload_url(box.create(MESSAGE), size)
    four_mib = b"x" * (4 * 1024 * 1024)

    assert box.put(url, b"x" * 10, 10, size).status_code == 416
    assert box.put(url, four_mib, 0, size).status_code == 413
    assert box.put(url, b"x" * 10, 0, size + 1).status_code == 400
    assert box.put(url, b"x", 0, size, Authorization="Bearer x").status_code == 401
    assert box.put(url + "x", b"x", 0, size).status_code == 404
    assert box.put(url, b"x" * 10, 0, size).status_code == 200
    assert box.plain.delete(url, timeout=10).status_code == 204
    assert box.put(url, b"x" * 10, 10, size).status_code == 404


def test_permissions_are_asked_for(graph: SimulatorClient, box: Mailbox) -> None:
    graph.rule(permissions=["Mail.Send"])
    answer = box.session.post(box.messages, json=MESSAGE, timeout=10)

    assert code_of(answer) == (403, "ErrorAccessDenied")


@pytest.mark.parametrize(
    ("names", "code"),
    [
        (["In-Reply-To"], "InvalidInternetMessageHeader"),
        (["x-1", "x-2", "x-3", "x-4", "x-5", "x-6"], "InvalidInternetMessageHeaderCollection"),
    ],
)
def test_json_takes_five_x_headers(box: Mailbox, names: list[str], code: str) -> None:
    headers = [{"name": name, "value": "v"} for name in names]
    answer = box.session.post(
        box.messages, json=MESSAGE | {"internetMessageHeaders": headers}, timeout=10
    )

    assert code_of(answer) == (400, code)


def test_broken_json_is_refused(box: Mailbox) -> None:
    answer = box.session.post(
        box.messages, data=json.dumps(MESSAGE)[:-5], headers={"Content-Type": "application/json"}
    )

    assert code_of(answer) == (400, "UnableToDeserializePostBody")


def test_octets_within_five_minutes_are_limited(graph: SimulatorClient, box: Mailbox) -> None:
    graph.rule(upload_bytes=1000)
    draft = box.create(MESSAGE)
    answer = box.post(
        f"{draft}/attachments", FILE | {"contentBytes": base64.b64encode(b"x" * 900).decode()}
    )

    assert code_of(answer) == (429, "ApplicationThrottled")
