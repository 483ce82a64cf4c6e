"""What it means that there is no token. Pure.

A sentence for the administrator, whether somebody has to act, and Microsoft Entra's number.
"""

import re
from typing import Any


class TokenUnavailable(Exception):
    """No token now. `code` is an AADSTS number where Microsoft Entra gave one."""

    def __init__(self, code: str, reason: str, *, is_configuration: bool = False) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.is_configuration = is_configuration
        """There will be none until an administrator acts."""

    def again(self) -> "TokenUnavailable":
        """The same, to be raised in another thread."""
        return TokenUnavailable(self.code, self.reason, is_configuration=self.is_configuration)


_AADSTS = re.compile(r"AADSTS(\d{4,8})")

_NO_CONSENT = "No administrator has consented to the application's permissions. Grant consent."
_ONE_TENANT = "The application is of one tenant. Set TENANT_ID to its id, not to common."
_OTHER_CLOUD = "The tenant is in another cloud. Check RELAY_CLOUD."
_NO_TRUST = (
    "The application does not trust this federated token. Check issuer, subject and audience of "
    "the federated credential in the app registration."
)
_SECURITY_POLICY = "A security policy of the tenant blocks the application. Exclude it."

_NO_FACTOR = (
    "The tenant asks the user for a second factor, which no mail program can give. Use a device "
    "with its own password, or an application."
)
_NO_PASSWORD = "The user's password is no longer right. Sign in at the edge with the new one."

# https://learn.microsoft.com/entra/identity-platform/reference-error-codes
_ADVICE = {
    "AADSTS7000215": (
        "The client secret is wrong. Set CLIENT_SECRET to the secret's value, not to its id."
    ),
    "AADSTS7000222": "The client secret has expired. Make a new one and set CLIENT_SECRET to it.",
    "AADSTS700016": (
        "The tenant knows no application with this id. Check CLIENT_ID and TENANT_ID."
    ),
    "AADSTS7000112": "The application is disabled. Enable it in Microsoft Entra.",
    "AADSTS90002": "There is no such tenant in this cloud. Check TENANT_ID and RELAY_CLOUD.",
    "AADSTS900382": _OTHER_CLOUD,
    "AADSTS500011": "Microsoft Graph is not known in the tenant. Check RELAY_CLOUD.",
    "AADSTS7000218": "The request lacks the application's secret. Set CLIENT_SECRET.",
    "AADSTS700027": "The certificate is not the application's. Upload it to the app registration.",
    "AADSTS700024": "The signed assertion is out of its time. Check the clock.",
    "AADSTS65001": _NO_CONSENT,
    "AADSTS90008": _NO_CONSENT,
    "AADSTS90094": _NO_CONSENT,
    "AADSTS50105": "The application is not assigned to the identity. Assign it in Microsoft Entra.",
    "AADSTS50194": _ONE_TENANT,
    "AADSTS9001023": _ONE_TENANT,
    "AADSTS900432": _OTHER_CLOUD,
    "AADSTS90038": _OTHER_CLOUD,
    "AADSTS530032": _SECURITY_POLICY,
    "AADSTS50131": _SECURITY_POLICY,
    "AADSTS70021": _NO_TRUST,
    "AADSTS700213": _NO_TRUST,
    "AADSTS700211": _NO_TRUST,
    "AADSTS700212": _NO_TRUST,
    "AADSTS53003": "Conditional Access blocks the application. Exclude it, or allow its network.",
    "AADSTS50126": _NO_PASSWORD,
    "AADSTS50055": _NO_PASSWORD,
    "AADSTS50053": "Microsoft Entra has locked the account after wrong passwords.",
    "AADSTS50057": "The user's account is disabled.",
    "AADSTS50076": _NO_FACTOR,
    "AADSTS50079": _NO_FACTOR,
    "AADSTS50158": _NO_FACTOR,
    "AADSTS90055": "Microsoft Entra throttles the tenant. The mail waits.",
}

_PASS_BY_THEMSELVES = frozenset(
    f"AADSTS{number}"
    for number in (
        *(40010, 50033, 50087, 90006, 90012, 90024, 90033, 90090),  # faults of Entra's own
        *(50196, 90055),  # throttled
    )
)
# https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
_REFUSALS = frozenset(
    {
        "consent_required",
        "interaction_required",
        "invalid_client",
        "invalid_grant",
        "invalid_request",
        "invalid_resource",
        "invalid_scope",
        "unauthorized_client",
    }
)


def from_answer(answer: dict[str, Any]) -> TokenUnavailable:
    said = str(answer.get("error_description") or answer.get("error") or "no reason given")
    return _from_text(said, str(answer.get("error") or "unknown"))


def from_exception(fault: Exception) -> TokenUnavailable:
    # MSAL tells of an unknown tenant in an exception of its own, and keeps Entra's words in the
    # one before.
    said = f"{fault.__context__} {fault}"
    if _AADSTS.search(said):
        return _from_text(said, "")
    return TokenUnavailable(
        "token-answer",
        "The token endpoint gave an answer that is no token "
        f"({type(fault).__name__}: {_in_short(str(fault))}). The mail waits for it to recover.",
    )


def _from_text(said: str, kind: str) -> TokenUnavailable:
    number = _AADSTS.search(said)
    code = number[0] if number else f"token-{kind}"
    advice = _ADVICE.get(code, "Microsoft Entra or the managed identity refuses a token.")
    return TokenUnavailable(
        code,
        f'{advice} (It said: "{_in_short(said)}")',
        is_configuration=kind in _REFUSALS if number is None else code not in _PASS_BY_THEMSELVES,
    )


def _in_short(said: str) -> str:
    return " ".join(said.split("Trace ID")[0].split())[:300]


def from_transport(fault: Exception) -> TokenUnavailable:
    return TokenUnavailable(
        "token-transport",
        f"The token endpoint does not answer ({type(fault).__name__}). Check the network, and on "
        "Azure that the function app has its managed identity.",
    )
