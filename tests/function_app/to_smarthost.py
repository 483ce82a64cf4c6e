"""A letter for a scripted smarthost, and the provider that takes it there."""

from function_app.compose import Form, Letter, compose
from function_app.outcome import Divided, Outcome
from function_app.providers.smarthost.provider import SmarthostProvider
from function_app.ways.smarthost import Smarthost
from tests.builders import MAIL, NOW, a_ticket
from tests.function_app.smtp_script import ScriptedSmtp

TWO = ("ann@contoso.com", "bob@fabrikam.com")
PLAIN_OFFER = "250-smarthost\r\n250 AUTH PLAIN LOGIN"


def a_letter(octets: bytes = MAIL, **changes: object) -> Letter:
    return compose(a_ticket(octets, **changes), octets, NOW, Form(header_is_envelope=False))


def no_draft(draft_id: str) -> None:
    raise AssertionError(f"a draft: {draft_id}")


def provider_for(server: ScriptedSmtp, **changes: object) -> SmarthostProvider:
    return SmarthostProvider(Smarthost("127.0.0.1", server.port, "none"), **changes)  # type: ignore[arg-type]


def sent(server: ScriptedSmtp, letter: Letter | None = None) -> Outcome | Divided:
    return provider_for(server).send(letter or a_letter(), no_draft)
