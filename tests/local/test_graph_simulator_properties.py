"""The simulator is as strict as Graph: extended properties, and drafts that are found by them."""

from typing import Any

import pytest

from local.graph_simulator.client import SimulatorClient
from tests.fixtures.graph import GraphMailbox, error_of

NAME = "String {00020329-0000-0000-C000-000000000046} Name Mark"
INVALID = (400, "ErrorInvalidParameter")


def marked(value: Any, name: str = NAME) -> dict[str, Any]:
    return {"subject": "x", "singleValueExtendedProperties": [{"id": name, "value": value}]}


def found(mailbox: GraphMailbox, value: str, name: str = NAME) -> list[str]:
    wanted = f"singleValueExtendedProperties/Any(ep: ep/id eq '{name}' and ep/value eq '{value}')"
    answer = mailbox.get("mailFolders/drafts/messages", filter=wanted, select="id")
    return [draft["id"] for draft in answer.json()["value"]]


def test_drafts_are_found_by_a_property(mailbox: GraphMailbox) -> None:
    draft, _, _ = (
        mailbox.create(marked("O'Neil")), mailbox.create(marked("two")), mailbox.create({}),
    )  # fmt: skip

    assert [draft] == found(mailbox, "o''neil")
    assert [] == found(mailbox, "three")
    assert [] == found(mailbox, "two", NAME.replace("Mark", "mark"))


@pytest.mark.parametrize("name", ["String 0x1042", "Integer 0x0036", NAME])
def test_a_property_has_a_name(mailbox: GraphMailbox, name: str) -> None:
    assert mailbox.create(marked("x", name))


@pytest.mark.parametrize(
    "message",
    [marked("x", "Mark"), marked("x", "String 1042"), marked("x", "String {1} Name x"), marked(1)],
)
def test_an_odd_property_is_refused(mailbox: GraphMailbox, message: dict[str, Any]) -> None:
    answer = mailbox.session.post(mailbox.messages, json=message, timeout=30)

    assert INVALID == error_of(answer)


def test_where_ranges_begin_can_be_set(graph: SimulatorClient, mailbox: GraphMailbox) -> None:
    draft = mailbox.create({"subject": "x"})
    item = {"attachmentType": "file", "name": "a", "size": 3_000_000}
    path = f"{draft}/attachments/createUploadSession"

    assert 201 == mailbox.post(path, {"AttachmentItem": item}).status_code
    graph.rule(smallest_upload=3 * 1024 * 1024)
    assert 400 == mailbox.post(path, {"AttachmentItem": item}).status_code
