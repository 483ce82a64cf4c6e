"""Faults of the configuration, and mails that meet them."""

from typing import Any

from function_app.outcome import Deferred, Outcome
from handoff.ticket import SendAs
from tests.function_app.desk import Desk, ScriptedProvider, delivered

SCAN = SendAs(mailbox="scan@contoso.com")
DENIED = Deferred("ErrorAccessDenied", "Grant it Mail.Send.", is_configuration=True)
EXPIRED = Deferred("AADSTS7000222", "The secret has expired.", is_configuration=True)


def meets(desk: Desk, *outcomes: Outcome, **ticket: Any) -> None:
    """Mails meet `outcomes`, one each; without any, one mail is sent."""
    means = desk.means(ScriptedProvider(list(outcomes)))
    for _ in outcomes or [None]:
        delivered(desk, means, desk.a_ticket(**ticket))
    while (message := desk.taken()) is not None:
        desk.storage.outbound.delete_message(message.id, message.pop_receipt)
