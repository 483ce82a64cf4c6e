"""Access tokens for Microsoft Graph, by MSAL.

One long-lived MSAL client an identity, since the cache lives in it; one thread at a time
asks, since MSAL does not stop a stampede. A fault is a TokenUnavailable with a sentence for the
administrator; the secret is in none of them.
"""

import re
import time
from collections.abc import Callable
from threading import Lock
from typing import Any

import msal
import requests

from function_app.identities import CLIENT_SECRET, Identity
from function_app.providers.http import session
from function_app.providers.loopback_authority import LoopbackAuthority
from function_app.settings import Settings

_CONNECT_SECONDS = 5
_READ_SECONDS = 15

# MSAL reads an answer as what it should be: a gateway's page or a `null` end as any of these.
_MSAL_FAULTS = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    RuntimeError,
    msal.exceptions.MsalError,
)

Ask = Callable[[str | None], dict[str, Any]]
"""MSAL's answer, given a claims challenge or none."""


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


class Tokens:
    """The tokens of one identity. Safe to share between threads."""

    def __init__(self, open_client: Callable[[], Ask]) -> None:
        self._open_client = open_client
        self._lock = Lock()
        self._ask: Ask | None = None
        self._last = ""
        self._fault: TokenUnavailable | None = None
        self._fault_at = 0.0

    def current(self) -> str:
        """A token, from the cache as long as it is good. Raises TokenUnavailable."""
        asked_at = time.monotonic()
        with self._lock:
            self._share_fault(asked_at)
            return self._fetch(None)

    def renewed(self, refused: str, claims: str | None) -> str:
        """Another token than `refused`, one that meets `claims`. Raises TokenUnavailable."""
        asked_at = time.monotonic()
        with self._lock:
            self._share_fault(asked_at)
            if self._last == refused:
                if claims is None:
                    self._ask = None  # and with it the cache that holds the refused token
                return self._fetch(claims)
            return self._fetch(None)

    def _share_fault(self, asked_at: float) -> None:
        # Who waited for the lock while a call failed need not wait for the same call to fail.
        if self._fault is not None and self._fault_at > asked_at:
            raise self._fault.again()

    def _fetch(self, claims: str | None) -> str:
        try:
            self._last = self._token(claims)
        except TokenUnavailable as fault:
            self._fault, self._fault_at = fault, time.monotonic()
            raise
        return self._last

    def _token(self, claims: str | None) -> str:
        try:
            if self._ask is None:
                self._ask = self._open_client()
            answer = self._ask(claims)
        except requests.RequestException as fault:
            raise TokenUnavailable("token-transport", _unreachable(fault)) from fault
        except _MSAL_FAULTS as fault:
            raise _from_exception(fault) from fault
        if "access_token" not in answer:
            raise _from_answer(answer)
        return str(answer["access_token"])


def tokens_of(identity: Identity, settings: Settings) -> Tokens:
    """How `identity` gets its tokens. Nothing is asked for yet."""
    http = session(_CONNECT_SECONDS, _READ_SECONDS)
    if identity.credential == CLIENT_SECRET:
        return Tokens(lambda: _by_client_secret(identity, settings, http))
    return Tokens(lambda: _by_managed_identity(identity, settings, http))


def _by_managed_identity(identity: Identity, settings: Settings, http: requests.Session) -> Ask:
    who = (
        msal.UserAssignedManagedIdentity(client_id=identity.client_id)
        if identity.client_id
        else msal.SystemAssignedManagedIdentity()
    )
    client = msal.ManagedIdentityClient(who, http_client=http)
    return lambda claims: client.acquire_token_for_client(
        resource=settings.resource, claims_challenge=claims
    )


def _by_client_secret(identity: Identity, settings: Settings, http: requests.Session) -> Ask:
    authority = LoopbackAuthority.of(settings.authority, http)
    client = msal.ConfidentialClientApplication(
        identity.client_id,
        client_credential=identity.client_secret,
        authority=f"{authority.address if authority else settings.authority}/{identity.tenant_id}",
        http_client=authority or http,
        instance_discovery=False if settings.is_authority_own else None,
        # A token that Entra may revoke at once is valid for longer than an hour.
        client_capabilities=["CP1"],
    )
    scopes = [f"{settings.resource}/.default"]
    return lambda claims: client.acquire_token_for_client(scopes, claims_challenge=claims)


_AADSTS = re.compile(r"AADSTS(\d{4,8})")

_NO_CONSENT = "No administrator has consented to the application's permissions. Grant consent."
_ONE_TENANT = "The application is of one tenant. Set TENANT_ID to its id, not to common."
_OTHER_CLOUD = "The tenant is in another cloud. Check RELAY_CLOUD."
_SECURITY_POLICY = "A security policy of the tenant blocks the application. Exclude it."

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
    "AADSTS53003": "Conditional Access blocks the application. Exclude it, or allow its network.",
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


def _from_answer(answer: dict[str, Any]) -> TokenUnavailable:
    said = str(answer.get("error_description") or answer.get("error") or "no reason given")
    return _from_text(said, str(answer.get("error") or "unknown"))


def _from_exception(fault: Exception) -> TokenUnavailable:
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


def _unreachable(fault: requests.RequestException) -> str:
    return (
        f"The token endpoint does not answer ({type(fault).__name__}). Check the network, and on "
        "Azure that the function app has its managed identity."
    )
