"""What it means that Google gives no token. Pure.

Of three places: the token service that trades another's token for one of Google's (errors of RFC
6749 and 8693), the IAM Credentials API, which signs (errors of Google's APIs), and the token
endpoint that gives a token for a mailbox (RFC 7523).
"""

import json
from typing import Any

from google.auth.exceptions import GoogleAuthError, OAuthError

from function_app.providers.token_faults import TokenUnavailable

_NO_DELEGATION = (
    "The service account may not act for the mailbox with this scope. In the Admin console, under "
    "domain-wide delegation, authorise its client id for "
    "https://www.googleapis.com/auth/gmail.send."
)
_OF_DELEGATION = {
    "unauthorized_client": _NO_DELEGATION,
    "access_denied": _NO_DELEGATION,
    "invalid_scope": _NO_DELEGATION,
    "invalid_grant": (
        "Google does not take the signature or the mailbox. Check that the service account and its "
        "key still exist, that send_as is the primary address of a user, and the clock."
    ),
}
_NO_POOL = (
    "Google knows no such provider of a workload identity pool, or it is switched off. Check "
    "POOL_PROVIDER."
)
_OF_FEDERATION = {
    "invalid_grant": (
        "Google does not trust the token that vouches for the relay. Check issuer and allowed "
        "audiences of the provider in the workload identity pool, and APPLICATION_ID_URI."
    ),
    "invalid_target": _NO_POOL,
    "invalid_request": _NO_POOL,
    "unauthorized_client": (
        "The attribute condition of the workload identity pool excludes the relay. Let it admit "
        "the object id of the managed identity."
    ),
}
_OF_SIGNING = {
    "PERMISSION_DENIED": (
        "The relay may not sign in the name of the service account. Grant its principal of the "
        "workload identity pool the role Service Account Token Creator on the service account, "
        "and switch on the IAM Service Account Credentials API in its project."
    ),
    "NOT_FOUND": "There is no such service account. Check SERVICE_ACCOUNT.",
    "FAILED_PRECONDITION": "The service account is disabled. Enable it.",
}
_NO_TOKEN = "Google's token endpoint gave an answer that is no token."


def is_no_delegation(fault: TokenUnavailable) -> bool:
    """Whether there is no token because the scope has not been delegated."""
    return fault.code in _NO_DELEGATION_CODES


_NO_DELEGATION_CODES = frozenset(
    f"token-{kind}" for kind, advice in _OF_DELEGATION.items() if advice == _NO_DELEGATION
)


def refusal_of(fault: GoogleAuthError) -> TokenUnavailable:
    """What an exception of google-auth other than one of transport means."""
    error, description = _told_by(fault)
    if isinstance(error, dict):
        status = str(error.get("status", ""))
        return _refusal("sign", status, str(error.get("message", "")), _OF_SIGNING)
    if isinstance(fault, OAuthError):
        return _refusal("federation", error, description, _OF_FEDERATION)
    return _refusal("token", error, description, _OF_DELEGATION)


def no_token() -> TokenUnavailable:
    return TokenUnavailable("token-answer", _NO_TOKEN)


def _told_by(fault: GoogleAuthError) -> tuple[Any, str]:
    """Error and description of the body that google-auth puts behind its own words."""
    body = fault.args[1] if len(fault.args) > 1 else ""
    if isinstance(body, str):
        try:
            body = json.loads(body)
        except (ValueError, RecursionError):
            body = {}
    if not isinstance(body, dict):
        return "", ""
    error = body.get("error", "")
    return error if isinstance(error, dict) else str(error), str(body.get("error_description", ""))


def _refusal(place: str, kind: str, said: str, advice: dict[str, str]) -> TokenUnavailable:
    if not kind:
        return no_token()
    words = " ".join(said.split())[:300]
    sentence = advice.get(kind, "Google refuses a token.")
    return TokenUnavailable(
        f"{place}-{kind}", f'{sentence} (It said: "{words}")', is_configuration=kind in advice
    )
