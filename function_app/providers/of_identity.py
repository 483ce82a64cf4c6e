"""From an identity in the settings to the provider that sends by its right."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import requests

from function_app.identities import CAPTURE, GMAIL, SMARTHOST, Identity
from function_app.pacing.limits import (
    GMAIL_CONCURRENCY,
    GMAIL_MAILS_A_MINUTE,
    OF_OTHERS,
    Limits,
)
from function_app.providers import Provider
from function_app.providers.capture import CaptureProvider
from function_app.providers.entra import subject_token_of, tokens_of, tokens_of_guest
from function_app.providers.gmail.calls import Calls as GmailCalls
from function_app.providers.gmail.delegation import Delegation
from function_app.providers.gmail.federation import by_federation
from function_app.providers.gmail.key import by_key
from function_app.providers.gmail.provider import GmailProvider
from function_app.providers.graph.application_record import NotShown, SecretShown, read_secrets
from function_app.providers.graph.calls import Calls
from function_app.providers.graph.provider import GraphProvider
from function_app.providers.http import session
from function_app.providers.redirect import RedirectProvider
from function_app.providers.smarthost.provider import SmarthostProvider
from function_app.providers.tokens import Tell, Tokens
from function_app.settings import GMAIL_API, Settings
from function_app.ways.gmail import Gmail
from function_app.ways.smarthost import NONE, PASSWORD, Smarthost
from handoff.captured import CapturedMails
from handoff.refreshes import Refresh, note_refresh
from handoff.sealed import Credential
from handoff.storage import Storage

_CONNECT_SECONDS = 5
_TOKEN_SECONDS = 15


@dataclass(frozen=True)
class Surroundings:
    """What all providers share."""

    settings: Settings
    storage: Storage
    http: requests.Session
    now: Callable[[], datetime]


def provider_of(identity: Identity, around: Surroundings) -> Provider:
    """The provider of `identity`. Nothing is asked of it yet."""
    provider = _provider(identity, around)
    return RedirectProvider(provider, identity.redirect_to) if identity.redirect_to else provider


def _provider(identity: Identity, around: Surroundings) -> Provider:
    settings, http, now = around.settings, around.http, around.now
    if identity.provider == CAPTURE:
        return CaptureProvider(identity.name, CapturedMails(around.storage.captured))
    if identity.smarthost is not None:
        return _smarthost(identity, identity.smarthost, around)
    if identity.gmail is not None:
        delegation = _delegation(identity, identity.gmail, settings)
        return GmailProvider(GmailCalls(settings.gmail_endpoint, delegation, http, now))
    return _graph(tokens_of(identity, settings, _noted(identity, around)), around)


def _noted(identity: Identity, around: Surroundings) -> Tell:
    def note(good_for: timedelta) -> None:
        now = around.now()
        note_refresh(around.storage.status, identity.name, Refresh(now, now + good_for))

    return note


def provider_of_guest(guest: Credential, around: Surroundings) -> Provider:
    """The provider of a client that brought its own credential: always Microsoft Graph."""
    return _graph(tokens_of_guest(guest, around.settings), around)


def _graph(tokens: Tokens, around: Surroundings) -> Provider:
    return GraphProvider(Calls(around.settings.graph_endpoint, tokens, around.http, around.now))


def record_of(
    settings: Settings, http: requests.Session, now: Callable[[], datetime]
) -> Callable[[Identity], Sequence[SecretShown] | NotShown | None]:
    """How an identity reads the record of its own application."""

    def ask(identity: Identity) -> Sequence[SecretShown] | NotShown | None:
        calls = Calls(settings.graph_endpoint, tokens_of(identity, settings), http, now)
        return read_secrets(calls, identity.client_id)

    return ask


def limits_of(settings: Settings) -> Mapping[str, Limits]:
    """How fast the identities send that do not send through Microsoft Graph."""
    instances = settings.mailbox_limits.instances
    of_gmail = Limits.shared(GMAIL_CONCURRENCY, GMAIL_MAILS_A_MINUTE, instances)
    of_provider = {GMAIL: of_gmail, SMARTHOST: OF_OTHERS, CAPTURE: OF_OTHERS}
    return {
        name: of_provider[identity.provider]
        for name, identity in settings.identities.items()
        if identity.provider in of_provider
    }


def _delegation(identity: Identity, gmail: Gmail, settings: Settings) -> Delegation:
    http = session(_CONNECT_SECONDS, _TOKEN_SECONDS)
    if gmail.federation is None:
        return Delegation(by_key(gmail.service_account), http)
    vouch = subject_token_of(identity, gmail.federation.application_id_uri)
    elsewhere = settings.gmail_endpoint if settings.gmail_endpoint != GMAIL_API else ""
    return Delegation(by_federation(gmail.federation, vouch), http, elsewhere)


def _smarthost(identity: Identity, smarthost: Smarthost, around: Surroundings) -> Provider:
    if identity.credential == NONE:
        return SmarthostProvider(smarthost)
    if identity.credential == PASSWORD:
        return SmarthostProvider(smarthost, lambda: smarthost.password)
    # https://learn.microsoft.com/exchange/client-developer/legacy-protocols/how-to-authenticate-an-imap-pop-smtp-application-by-using-oauth
    settings = replace(around.settings, resource=around.settings.outlook)
    tokens = tokens_of(identity, settings, _noted(identity, around))
    return SmarthostProvider(smarthost, tokens.current, is_token=True)
