"""What of a mail is kept in the JSON of a draft."""

import json
from base64 import b64decode
from typing import Any

import pytest
from hypothesis import given

from function_app.mime.addresses import normal
from function_app.mime.contents import File
from function_app.mime.transfer import Decoded
from function_app.providers.graph.message import (
    MARK,
    contents_for_graph,
    draft_body,
    file_body,
    session_body,
)
from tests.builders import MAIL
from tests.function_app.letters import composed, normal_set
from tests.function_app.test_compose_any import envelopes, heads, scraps

REST = b"\r\nHello.\r\n"


def draft(
    head: bytes, to: tuple[str, ...] = ("ann@contoso.com",), **changes: Any
) -> dict[str, Any]:
    letter = composed(head + REST, to, **changes)
    message: dict[str, Any] = json.loads(draft_body(letter, contents_for_graph(letter)))
    return message


def person(address: str, name: str = "") -> dict[str, Any]:
    return {"emailAddress": {"address": address} | ({"name": name} if name else {})}


def properties(message: dict[str, Any]) -> dict[str, str]:
    return {entry["id"]: entry["value"] for entry in message["singleValueExtendedProperties"]}


def test_a_plain_mail_is_a_plain_draft() -> None:
    letter = composed(MAIL)

    assert {
        "subject": "Scan",
        "body": {"contentType": "text", "content": "Hello.\r\n"},
        "internetMessageId": "<one@contoso.com>",
        "singleValueExtendedProperties": [{"id": MARK, "value": letter.id}],
        "toRecipients": [person("ann@contoso.com")],
        "from": person("scan@contoso.com", "Scanner"),
    } == json.loads(draft_body(letter, contents_for_graph(letter)))


def test_html_is_html() -> None:
    message = draft(b"Content-Type: text/html; charset=iso-8859-1\r\n")

    assert {"contentType": "html", "content": "Hello.\r\n"} == message["body"]


# Who gets it


def test_the_recipients_are_those_of_the_envelope() -> None:
    head = (
        b"To: =?utf-8?q?J=C3=BCrg?= <jurg@x.org>, eve@x.org\r\n"
        b'Cc: "Doe, \\"Ann\\"" <Ann@contoso.com>\r\nBcc: bob@x.org\r\n'
    )
    message = draft(head, ("ann@contoso.com", "jurg@x.org", "bob@x.org", "zed@x.org"))

    assert [person("jurg@x.org", "J\u00fcrg")] == message["toRecipients"]
    assert [person("Ann@contoso.com", 'Doe, "Ann"')] == message["ccRecipients"]
    assert [person("bob@x.org"), person("zed@x.org")] == message["bccRecipients"]


@given(heads, envelopes)
def test_a_draft_names_exactly_the_envelope(
    head: list[tuple[str, str]], to: tuple[str, ...]
) -> None:
    message = draft("".join(f"{name}: {value}\r\n" for name, value in head).encode(), to)

    assert normal_set(to) == named_in_draft(message)


@given(scraps, envelopes)
def test_any_octets_become_a_draft_to_the_envelope(octets: bytes, to: tuple[str, ...]) -> None:
    letter = composed(octets, to)
    message = json.loads(draft_body(letter, contents_for_graph(letter)))

    assert normal_set(to) == named_in_draft(message)


def named_in_draft(message: dict[str, Any]) -> set[str]:
    return {
        normal(entry["emailAddress"]["address"])
        for kind in ("to", "cc", "bcc")
        for entry in message.get(f"{kind}Recipients", [])
    }


def test_authors_and_answers_are_kept() -> None:
    head = (
        b"From: Ann <ann@contoso.com>\r\nSender: scan@contoso.com\r\n"
        b"Reply-To: One <one@x.org>, two@x.org\r\n"
    )
    message = draft(head, from_policy="keep")

    assert person("ann@contoso.com", "Ann") == message["from"]
    assert person("scan@contoso.com") == message["sender"]
    assert [person("one@x.org", "One"), person("two@x.org")] == message["replyTo"]


# What else is kept


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        (b"Importance: High", {"importance": "high"}),
        (b"X-Priority: 1 (Highest)", {"importance": "high"}),
        (b"X-Priority: 3", {}),
        (b"X-Priority: 5", {"importance": "low"}),
        (b"Priority: non-urgent", {"importance": "low"}),
        (b"X-MSMail-Priority: High", {"importance": "high"}),
        (b"Importance: low\r\nX-Priority: 1", {"importance": "low"}),
        (b"Disposition-Notification-To: a@x.org", {"isReadReceiptRequested": True}),
        (b"Return-Receipt-To: a@x.org", {"isDeliveryReceiptRequested": True}),
    ],
)
def test_wishes_are_kept(field: bytes, expected: dict[str, Any]) -> None:
    message = draft(field + b"\r\n")
    wishes = ("importance", "isReadReceiptRequested", "isDeliveryReceiptRequested")

    assert expected == {name: message[name] for name in wishes if name in message}


def test_a_thread_is_kept() -> None:
    found = properties(draft(b"In-Reply-To: <two@x>\r\nReferences: <one@x>\r\n\t<two@x>\r\n"))

    assert ("<two@x>", "<one@x> <two@x>") == (found["String 0x1042"], found["String 0x1039"])


def test_of_a_long_thread_the_latest_are_kept() -> None:
    ids = [f"<{number}@x.org>" for number in range(20_000)]
    found = properties(draft(b"References: " + " ".join(ids).encode() + b"\r\n"))["String 0x1039"]

    assert ids[-len(found.split()) :] == found.split()
    assert 7_900 < len(found) <= 8_000


def test_five_fields_of_its_own_are_kept() -> None:
    wanted = [(f"X-Own-{number}", f"=?q?{number}") for number in range(7)]
    others = (
        b"X-Priority: 1\r\nX-MS-Exchange-Organization-SCL: 9\r\nX-Mailer:\r\n"
        b"X-Long: " + b"x" * 901 + b"\r\nList-Id: <x>\r\n"
    )
    own = "".join(f"{name}: {value}\r\n" for name, value in wanted).encode()

    assert [{"name": name, "value": value} for name, value in wanted[:5]] == draft(others + own)[
        "internetMessageHeaders"
    ]
    assert "internetMessageHeaders" not in draft(others)


def test_headers_can_be_left_out() -> None:
    letter = composed(b"X-Own: 1\r\n" + REST)
    message = json.loads(draft_body(letter, contents_for_graph(letter), with_headers=False))

    assert "internetMessageHeaders" not in message


def test_a_subject_is_decoded_and_ends_somewhere() -> None:
    assert "gr\u00fc\u00df" == draft(b"Subject: =?iso-8859-1?q?gr=FC=DF?=\r\n")["subject"]
    assert 2_000 == len(draft(b"Subject: " + b"x" * 9_000 + b"\r\n")["subject"])


def test_half_a_character_is_no_fault() -> None:
    letter = composed(b"Content-Type: text/plain; charset=utf-7\r\n\r\n+2AA-")

    assert "?" == json.loads(draft_body(letter, contents_for_graph(letter)))["body"]["content"]


def test_what_grows_in_json_beyond_a_request_is_a_file() -> None:
    letter = composed(b"Subject: x\r\n\r\n" + b"\x01" * 1_900_000)
    contents = contents_for_graph(letter)

    assert ["text-1.txt"] == [file.name for file in contents.files]
    assert len(draft_body(letter, contents)) < 2_000


# Files

FILE = File('\u00fc "x".pdf', "application/pdf", Decoded(b"PDF\x00\xff", ""))
INLINE = File("x.png", "image/png", Decoded(b"UE\r\n5H", "base64"), "one@x", is_inline=True)


def test_a_small_file_comes_within_the_request() -> None:
    told = json.loads(file_body(FILE))
    content = b64decode(told.pop("contentBytes"), validate=True)

    assert b"PDF\x00\xff" == content
    assert {
        "@odata.type": "#microsoft.graph.fileAttachment",
        "name": '\u00fc "x".pdf',
        "contentType": "application/pdf",
        "isInline": False,
    } == told


def test_an_inline_file_has_its_content_id() -> None:
    told = json.loads(file_body(INLINE))

    assert ("UE5H", "one@x", True) == (told["contentBytes"], told["contentId"], told["isInline"])


def test_a_session_tells_the_size_before_base64() -> None:
    assert {
        "AttachmentItem": {
            "attachmentType": "file",
            "size": 3,
            "name": "x.png",
            "contentType": "image/png",
            "isInline": True,
            "contentId": "one@x",
        }
    } == json.loads(session_body(INLINE))
