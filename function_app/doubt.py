"""A mail that may have been sent already: wait, look, and only then send again. Pure.

Microsoft Graph has no key by which it would take one mail once. So after an answer that was lost
the mail is looked for, several times, since a copy may take a while to be seen.
"""

from datetime import timedelta
from typing import Literal

from function_app.outcome import (
    CannotLook,
    Deferred,
    Found,
    NotSent,
    Outcome,
    Rejected,
    Sent,
    WasSent,
)

WhenUnsure = Literal["resend", "hold"]
"""What to do with a mail of which nobody can tell: risk a second copy, or let somebody decide."""
MOST_LOOKS = 3
BETWEEN_LOOKS = timedelta(seconds=30)

LOOKING = "looking"


def settle(found: Found | Deferred, looks: int, when_unsure: WhenUnsure) -> Outcome | None:
    """What `found` decides about the mail; None: send it. `looks` have found nothing before."""
    match found:
        case WasSent(provider):
            return Sent(provider, request_id="")
        case NotSent():
            return None if looks + 1 >= MOST_LOOKS else _look_again(looks + 1)
        case CannotLook(reason):
            return None if when_unsure == "resend" else _held(reason)
        case Deferred():
            return found


def _look_again(looks: int) -> Deferred:
    return Deferred(
        LOOKING,
        "An earlier attempt may have sent the mail. It was looked for in the mailbox and not "
        f"found ({looks} of {MOST_LOOKS}); it is sent again when it is not found at last.",
        after=BETWEEN_LOOKS,
    )


def _held(reason: str) -> Rejected:
    return Rejected(
        "unsure",
        "An earlier attempt may have sent the mail, and RELAY_WHEN_UNSURE is hold. Look for it in "
        f"Sent Items of the mailbox; redrive it if it is not there, else discard it. {reason}",
    )
