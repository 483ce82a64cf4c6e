"""What an answer of Gmail means for the mail. Pure.

https://developers.google.com/workspace/gmail/api/guides/handle-errors. Whatever is not known to be
permanent is deferred.
"""

import json
from datetime import timedelta

from function_app.outcome import TOO_LARGE, Deferred, Rejected

_PERMANENT = {
    "invalidArgument": "Gmail does not take the mail or one of its addresses. Correct the address.",
    "badRequest": "Gmail cannot read the mail that the relay made of it.",
}
_THROTTLED = frozenset({"rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded"})
_DAILY = frozenset({"dailyLimitExceeded"})
_ADVICE = {
    "domainPolicy": "A policy of the Google Workspace domain forbids it. Allow the Gmail API.",
    "insufficientPermissions": (
        "The service account may not send. Authorise its client id for the scope "
        "https://www.googleapis.com/auth/gmail.send under domain-wide delegation."
    ),
    "accessNotConfigured": "The Gmail API is not switched on in the project. Switch it on.",
    "authError": "Gmail does not take the token. Check the service account and the clock.",
    "failedPrecondition": (
        "The mailbox has no Gmail, or the service account may not act for it. License the user, "
        "and authorise the client id under domain-wide delegation."
    ),
    "notFound": "There is no such mailbox. Set send_as to the primary address of a user.",
}


def classify(status: int, body: bytes, retry_after: timedelta | None) -> Deferred | Rejected:
    """What any answer but 200 means."""
    reason, message = read_error(body)
    if status == 413:
        return Rejected(TOO_LARGE, _quoting("Gmail takes no mail of this size.", message))
    if status == 400 and reason in _PERMANENT:
        return Rejected(reason, _quoting(_PERMANENT[reason], message))
    is_throttled = status == 429 or (status == 403 and reason in _THROTTLED)
    is_daily = reason in _DAILY
    is_configuration = status in (401, 403, 404) or reason in _ADVICE
    return Deferred(
        reason or f"http-{status}",
        _quoting(_advice(status, reason, is_throttled or is_daily), message),
        after=retry_after,
        unsure=status >= 500 or status == 408 or status < 300,
        is_configuration=is_configuration and not is_throttled and not is_daily,
        is_throttled=is_throttled or is_daily,
    )


def read_error(body: bytes) -> tuple[str, str]:
    """Reason and message of an error body; empty for anything else."""
    try:
        error = json.loads(body)["error"]
        reasons = [one["reason"] for one in error.get("errors", ())]
        found = reasons[0] if reasons else "", error.get("message")
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError):
        return "", ""
    return str(found[0]), str(found[1] or "")


def _advice(status: int, reason: str, is_throttled: bool) -> str:
    if is_throttled:
        return "Gmail throttles the mailbox or the project. The mail waits."
    if reason in _ADVICE:
        return _ADVICE[reason]
    if status in (401, 403):
        return "Gmail refuses the service account. Check its delegation and the Gmail API."
    if status >= 500:
        return "Gmail has a fault of its own. The mail waits for it to pass."
    return "Gmail gave an answer that the relay does not know. The mail waits."


def _quoting(sentence: str, message: str) -> str:
    words = " ".join(message.split())[:300]
    return f'{sentence} (Gmail: "{words}")' if words else sentence


def id_in(body: bytes) -> str:
    """Of the message that Gmail has made; "" when it does not say."""
    try:
        return str(json.loads(body)["id"])[:200]
    except (ValueError, RecursionError, LookupError, TypeError):
        return ""
