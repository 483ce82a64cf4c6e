"""Tokens of Microsoft Entra: the ways to prove to it who asks, each by MSAL.

Secrets, certificates and tokens that lie in files are read when a client is opened, which happens
anew after a refusal: so a new one is picked up without a restart.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import msal
import requests

from function_app.identities import (
    CERTIFICATE,
    CLIENT_SECRET,
    Identity,
)
from function_app.providers.authority import AuthorityHttp
from function_app.providers.certificate import credential_of
from function_app.providers.http import session
from function_app.providers.token_faults import TokenUnavailable, from_answer
from function_app.providers.tokens import Ask, Tell, Tokens, tell_nobody
from function_app.settings import Settings
from handoff.sealed import ApplicationCredential, Credential, UserCredential

_CONNECT_SECONDS = 5
_READ_SECONDS = 15
_LOCK_OUT_CARE = timedelta(minutes=10)
"""A guest's mails must not try a wrong password until Entra locks the account."""
MsalCredential = str | Mapping[str, Any] | None


def tokens_of(identity: Identity, settings: Settings, tell: Tell = tell_nobody) -> Tokens:
    """How `identity` gets its tokens. Nothing is asked for yet."""
    http = session(_CONNECT_SECONDS, _READ_SECONDS)

    def open_client() -> Ask:
        match identity.credential:
            case "client_secret" | "certificate" | "federation":
                credential = _credential_of(identity, settings, http)
                return _application(
                    settings, http, identity.tenant_id, identity.client_id, credential
                )
            case _:
                return _managed_identity(identity.client_id, settings.resource, http)

    return Tokens(open_client, tell=tell)


def subject_token_of(identity: Identity, resource: str) -> Callable[[], str]:
    """What vouches for `identity` before somebody other than Entra. Raises TokenUnavailable."""
    if identity.token_file:
        return lambda: _read(identity.token_file, "TOKEN_FILE")
    http = session(_CONNECT_SECONDS, _READ_SECONDS)
    client_id = identity.managed_identity_client_id
    return Tokens(lambda: _managed_identity(client_id, resource, http)).current


def tokens_of_guest(credential: Credential, settings: Settings) -> Tokens:
    """How a client of the edge gets its tokens, by what it brought itself."""
    http = session(_CONNECT_SECONDS, _READ_SECONDS)

    def open_client() -> Ask:
        match credential:
            case ApplicationCredential(tenant, client_id, secret):
                return _application(settings, http, tenant, client_id, secret)
            case UserCredential():
                return _user(settings, http, credential)

    return Tokens(open_client, _LOCK_OUT_CARE)


def secret_of(identity: Identity) -> str:
    """The client secret that is in use now. Raises TokenUnavailable."""
    return identity.client_secret or _read(identity.client_secret_file, "CLIENT_SECRET_FILE")


def _credential_of(
    identity: Identity, settings: Settings, http: requests.Session
) -> MsalCredential:
    if identity.credential == CLIENT_SECRET:
        return secret_of(identity)
    if identity.credential == CERTIFICATE:
        return credential_of(identity.certificate, identity.certificate_password)
    return {"client_assertion": _assertion_of(identity, settings, http)}


def _assertion_of(
    identity: Identity, settings: Settings, http: requests.Session
) -> Callable[[], str]:
    """Asked for at each request of a token: it lives for an hour or less."""
    if identity.token_file:
        return lambda: _read(identity.token_file, "TOKEN_FILE")
    ask = _managed_identity(identity.managed_identity_client_id, settings.exchange, http)

    def assertion() -> str:
        answer = ask(None)
        if "access_token" not in answer:
            raise from_answer(answer)
        return str(answer["access_token"])

    return assertion


def _managed_identity(client_id: str, resource: str, http: requests.Session) -> Ask:
    who = (
        msal.UserAssignedManagedIdentity(client_id=client_id)
        if client_id
        else msal.SystemAssignedManagedIdentity()
    )
    client = msal.ManagedIdentityClient(who, http_client=http)
    return lambda claims: client.acquire_token_for_client(
        resource=resource, claims_challenge=claims
    )


def _application(
    settings: Settings,
    http: requests.Session,
    tenant: str,
    client_id: str,
    credential: MsalCredential,
) -> Ask:
    client = _client(settings, http, tenant, client_id, credential)
    scopes = [f"{settings.resource}/.default"]
    return lambda claims: client.acquire_token_for_client(scopes, claims_challenge=claims)


def _user(settings: Settings, http: requests.Session, user: UserCredential) -> Ask:
    client = _client(settings, http, user.tenant, user.client_id, user.client_secret or None)
    scopes = [f"{settings.resource}/.default"]

    def ask(claims: str | None) -> dict[str, Any]:
        answer: dict[str, Any] | None
        for account in client.get_accounts(user.username):
            answer = client.acquire_token_silent(scopes, account, claims_challenge=claims)
            if answer:
                return answer
        answer = client.acquire_token_by_username_password(
            user.username, user.password, scopes, claims_challenge=claims
        )
        return answer or {}

    return ask


def _client(
    settings: Settings,
    http: requests.Session,
    tenant: str,
    client_id: str,
    credential: MsalCredential,
) -> Any:
    authority = AuthorityHttp.of(settings.authority, http)
    # Confidential without a secret is a public client, as Entra sees it.
    return msal.ConfidentialClientApplication(
        client_id,
        client_credential=credential,
        authority=f"{authority.address if authority else settings.authority}/{tenant}",
        http_client=authority or http,
        instance_discovery=False if settings.is_authority_own else None,
        # A token that Entra may revoke at once is valid for longer than an hour.
        client_capabilities=["CP1"],
    )


def _read(path: str, key: str) -> str:
    try:
        text = Path(path).read_text("utf-8").strip()
    except (OSError, ValueError) as fault:
        raise _unreadable(key, type(fault).__name__) from None
    if not text:
        raise _unreadable(key, "it is empty")
    return text


def _unreadable(key: str, why: str) -> TokenUnavailable:
    return TokenUnavailable(
        "credential-unreadable",
        f"The file of {key} cannot be read ({why}). Check its path and its rights.",
        is_configuration=True,
    )
