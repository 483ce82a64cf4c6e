"""Which of the settings may be seen by an operator. Pure.

What is not known to be harmless is a secret: of it only that it is set is told.
"""

import re
from collections.abc import Mapping

MASK = "********"
_OURS = re.compile(
    r"(MailStorage|RELAY_|IDENTITY__|ROUTE__|GRAPH_ENDPOINT|GMAIL_ENDPOINT|ENTRA_AUTHORITY"
    r"|AZURE_CLIENT_ID|PYTHON_THREADPOOL_THREAD_COUNT)"
)
_HARMLESS = re.compile(
    r"MailStorage__(clientId|(queue|blob|table)ServiceUri)"
    r"|RELAY_(GIVE_UP_AFTER|WHEN_UNSURE|CLOUD|NOTIFY|NOTICE_DOMAINS|NOTICE_FROM"
    r"|MAILBOX_CONCURRENCY|MAILBOX_RATE|INSTANCES"
    r"|KEEP_(DELIVERIES|DEAD_LETTERS|CONTENT|STATISTICS|AUDIT|SIGNALS))"
    r"|IDENTITY__\w+?__(PROVIDER|CREDENTIAL|TENANT_ID|CLIENT_ID|MANAGED_IDENTITY_CLIENT_ID"
    r"|CLIENT_SECRET_FILE|CLIENT_SECRET_EXPIRES|TOKEN_FILE|CA_FILE|HOST|PORT|TLS|USERNAME"
    r"|REDIRECT_TO|FALLBACK|FALLBACK_AFTER|POOL_PROVIDER|APPLICATION_ID_URI)"
    r"|ROUTE__\w+?__(DEVICE|SENDER_DOMAIN|RECIPIENT_DOMAIN|IDENTITY)"
    r"|GRAPH_ENDPOINT|GMAIL_ENDPOINT|ENTRA_AUTHORITY|AZURE_CLIENT_ID"
    r"|PYTHON_THREADPOOL_THREAD_COUNT"
)
_LONGEST = 500


def shown(settings: Mapping[str, str]) -> dict[str, str]:
    """Those of the relay's settings that are set, as an operator may see them."""
    return {
        name: _text(name, text) for name, text in settings.items() if _OURS.match(name) and text
    }


def _text(name: str, text: str) -> str:
    # An address may carry a signature or a password, wherever it was put.
    is_plain = _HARMLESS.fullmatch(name) and not re.search(r"[?&]sig=|://[^/]*@", text)
    return text[:_LONGEST] if is_plain else MASK
