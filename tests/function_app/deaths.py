"""Dead mails for tests, and what a round makes of them."""

from function_app.deliver import deliver
from function_app.notices.settings import NoticeSettings
from function_app.notices.tell import tell
from function_app.outcome import Outcome, Rejected
from handoff.content import read_content
from handoff.ticket import Ticket, decode
from tests.function_app.desk import Desk, ScriptedProvider

SENDER, OPERATOR = "scan@contoso.com", "it@contoso.com"
MAILBOX = "relay@contoso.com"
DOMAINS = frozenset({"contoso.com"})
SETTINGS = NoticeSettings((OPERATOR,), DOMAINS, MAILBOX)
REJECTED = Rejected("ErrorInvalidRecipients", "Exchange does not take a recipient.")


def dies(desk: Desk, ticket: Ticket | None = None, outcome: Outcome = REJECTED) -> Ticket:
    """A mail, dead."""
    ticket = ticket or desk.a_ticket()
    message = desk.queued(ticket)
    deliver(message, desk.means(ScriptedProvider([outcome])))

    assert desk.is_let_go(message)
    return ticket


def round_(desk: Desk, settings: NoticeSettings = SETTINGS) -> list[Ticket]:
    """The tickets that one round puts into the queue."""
    tell(desk.storage, settings, desk.now)
    found = []
    while (message := desk.taken()) is not None:
        found.append(decode(message.text))
        desk.storage.outbound.delete_message(message.id, message.pop_receipt)
    return found


def addressees(tickets: list[Ticket]) -> list[str]:
    return [path for ticket in tickets for path in ticket.envelope.forward_paths]


def octets_of(desk: Desk, ticket: Ticket) -> bytes:
    return read_content(ticket.content, desk.storage.mail)[:]


def rows(desk: Desk, partition: str = "notice") -> int:
    return len(list(desk.storage.status.query_entities(f"PartitionKey eq '{partition}'")))
