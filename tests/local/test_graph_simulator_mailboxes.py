"""The simulator is as strict as Graph: mailboxes, and looking for what was sent."""

from typing import Any

import pytest

from local.graph_simulator.client import SimulatorClient
from tests.builders import MAIL
from tests.fixtures.graph import GraphMailbox, error_of

SENDER = GraphMailbox.address
DENIED = (403, "ErrorSendAsDenied")
MESSAGE: dict[str, Any] = {
    "internetMessageId": "<one@contoso.com>",
    "toRecipients": [{"emailAddress": {"address": "ann@contoso.com"}}],
}


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ("eve@elsewhere.org", (404, "ErrorInvalidUser")),
        ("@contoso.com", (404, "ErrorInvalidUser")),
        ("Alias@contoso.com", (404, "ErrorInvalidUser")),
        ("gone@contoso.com", (404, "ErrorInvalidUser")),
        ("deleted@contoso.com", (404, "MailboxNotEnabledForRESTAPI")),
        ("foreign@contoso.com", (403, "ErrorAccessDenied")),
    ],
)
def test_only_mailboxes_can_send(
    graph: SimulatorClient, mailbox: GraphMailbox, user: str, expected: tuple[int, str]
) -> None:
    graph.rule(
        aliases=["alias@contoso.com"],
        missing=["gone@contoso.com"],
        soft_deleted=["deleted@contoso.com"],
        excluded=["foreign@contoso.com"],
    )

    assert expected == error_of(mailbox.send(user=user))


def test_a_mailbox_has_an_object_id_too(graph: SimulatorClient, mailbox: GraphMailbox) -> None:
    graph.rule(object_ids={"48d31887-5fad-4d73-a9f5-3c356e68a038": SENDER})

    assert 202 == mailbox.send(user="48d31887-5fad-4d73-a9f5-3c356e68a038").status_code
    assert [SENDER] == [mail.mailbox for mail in graph.mails()]


def test_send_as_is_granted_by_mailbox(graph: SimulatorClient, mailbox: GraphMailbox) -> None:
    graph.rule(send_as={"SCAN@contoso.com": ["Team@contoso.com"]})
    mime = b"From: Team <team@contoso.com>\r\nTo: a@x.org\r\n\r\nx"

    assert 202 == mailbox.send(mime).status_code
    assert DENIED == error_of(mailbox.send(mime, user="fax@contoso.com"))


def test_me_is_nobody_for_an_application(graph: SimulatorClient, mailbox: GraphMailbox) -> None:
    for path in ("sendMail", "messages"):
        answer = mailbox.session.post(f"{graph.address}/v1.0/me/{path}", json={}, timeout=30)

        assert (400, "BadRequest") == error_of(answer)
        assert "delegated" in answer.json()["error"]["message"]


ONE = "internetMessageId eq '<one@contoso.com>'"


def found(mailbox: GraphMailbox, folder: str, **query: str) -> list[dict[str, Any]]:
    answer = mailbox.get(f"mailFolders/{folder}/messages", **{"filter": ONE} | query)
    values: list[dict[str, Any]] = answer.json()["value"]
    return values


def test_sent_mail_is_found_by_its_message_id(mailbox: GraphMailbox) -> None:
    mailbox.send()
    mailbox.send(MAIL.replace(b"one@", b"two@"))
    folder = mailbox.get("mailFolders/sentitems").json()

    (item,) = found(mailbox, "sentitems", top="1", select="isDraft,parentFolderId")
    assert {"id", "isDraft", "parentFolderId"} == item.keys()
    assert (False, folder["id"]) == (item["isDraft"], item["parentFolderId"])
    assert [item] == found(mailbox, folder["id"], select="isDraft,parentFolderId")
    assert [] == found(mailbox, "drafts")


def test_a_folder_shows_no_more_than_asked_for(mailbox: GraphMailbox) -> None:
    mailbox.send()
    mailbox.send()

    assert 2 == len(found(mailbox, "sentitems"))
    assert 1 == len(found(mailbox, "sentitems", top="1"))


def test_a_quote_in_a_message_id_is_doubled(mailbox: GraphMailbox) -> None:
    mailbox.send(MAIL.replace(b"<one@", b"<o'ne@"))

    assert 1 == len(found(mailbox, "sentitems", filter=ONE.replace("<one@", "<o''ne@")))


@pytest.mark.parametrize(
    "query", [{"filter": "subject eq 'x'"}, {"top": "many"}, {"top": "0"}, {"select": "colour"}]
)
def test_a_wrong_query_is_refused(mailbox: GraphMailbox, query: dict[str, str]) -> None:
    mailbox.send()

    assert 400 == mailbox.get("mailFolders/sentitems/messages", **query).status_code


def test_a_mail_that_is_not_to_be_saved_is_not_found(
    graph: SimulatorClient, mailbox: GraphMailbox
) -> None:
    mailbox.send_json(MESSAGE, saveToSentItems=False)

    assert 1 == len(graph.mails())
    assert [] == found(mailbox, "sentitems")
    mailbox.send_json(MESSAGE)
    assert 1 == len(found(mailbox, "sentitems"))


def test_a_sent_mail_can_take_its_time(graph: SimulatorClient, mailbox: GraphMailbox) -> None:
    graph.rule(sent_delay=600, in_transit="draft")
    mailbox.send()

    assert [] == found(mailbox, "sentitems")
    assert [True] == [item["isDraft"] for item in found(mailbox, "drafts")]
    graph.rule(in_transit="missing")
    assert [] == found(mailbox, "drafts")
