"""Sending identities: by what right the relay sends, as the settings tell.

`IDENTITY__<NAME>__<KEY>`; a ticket names one of them, `default` when the edge says nothing.
`default` needs no setting: it is the managed identity of the function app.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches

from function_app.duration import read_duration
from function_app.key_vault import UNRESOLVED, is_unresolved
from function_app.mime.addresses import is_writable
from function_app.ways import gmail, smarthost
from function_app.ways.gmail import Gmail, read_gmail
from function_app.ways.smarthost import Smarthost, read_smarthost
from handoff.routing import Fallback

DEFAULT = "default"
GRAPH = "graph"
GMAIL = "gmail"
SMARTHOST = "smarthost"
CAPTURE = "capture"
PROVIDERS = (GRAPH, GMAIL, SMARTHOST, CAPTURE)
MANAGED_IDENTITY = "managed_identity"
CLIENT_SECRET = "client_secret"
CERTIFICATE = "certificate"
FEDERATION = "federation"
SERVICE_ACCOUNT = "service_account"
CREDENTIALS = (MANAGED_IDENTITY, FEDERATION, CERTIFICATE, CLIENT_SECRET)
_USUAL_CREDENTIAL = {SMARTHOST: smarthost.NONE, GMAIL: SERVICE_ACCOUNT}
_CREDENTIALS_OF = {
    GRAPH: CREDENTIALS,
    GMAIL: (SERVICE_ACCOUNT, FEDERATION),
    SMARTHOST: (*smarthost.CREDENTIALS, *CREDENTIALS),
}
FALLBACK_AFTER = timedelta(minutes=30)
_OF_ALL = ("PROVIDER", "CREDENTIAL", "REDIRECT_TO", "FALLBACK", "FALLBACK_AFTER")
_OF_ENTRA = (
    "TENANT_ID",
    "CLIENT_ID",
    "CLIENT_SECRET",
    "CLIENT_SECRET_FILE",
    "CERTIFICATE",
    "CERTIFICATE_PASSWORD",
    "TOKEN_FILE",
    "MANAGED_IDENTITY_CLIENT_ID",
)
_EXPIRES = "CLIENT_SECRET_EXPIRES"
_KEYS_OF = {
    GRAPH: (*_OF_ALL, *_OF_ENTRA, _EXPIRES),
    GMAIL: (*_OF_ALL, *gmail.KEYS, "TOKEN_FILE", "MANAGED_IDENTITY_CLIENT_ID"),
    SMARTHOST: (*_OF_ALL, *_OF_ENTRA, _EXPIRES, *smarthost.KEYS),
    CAPTURE: ("PROVIDER",),
}
_KEYS = tuple(dict.fromkeys(key for keys in _KEYS_OF.values() for key in keys))
_NEEDS: Mapping[str, tuple[str, ...]] = {
    MANAGED_IDENTITY: (),
    FEDERATION: ("TENANT_ID", "CLIENT_ID"),
    CERTIFICATE: ("TENANT_ID", "CLIENT_ID", "CERTIFICATE"),
    CLIENT_SECRET: ("TENANT_ID", "CLIENT_ID"),
}
_BELONGS_TO = {
    "CLIENT_SECRET": CLIENT_SECRET,
    "CLIENT_SECRET_FILE": CLIENT_SECRET,
    "CERTIFICATE": CERTIFICATE,
    "CERTIFICATE_PASSWORD": CERTIFICATE,
    "TOKEN_FILE": FEDERATION,
    "MANAGED_IDENTITY_CLIENT_ID": FEDERATION,
}
_PREFIX = "IDENTITY__"
_NAME = re.compile(r"[A-Za-z0-9-]+(_[A-Za-z0-9-]+)*", re.ASCII)
_GUID_OR_DOMAIN = re.compile(r"[A-Za-z0-9.-]{1,255}", re.ASCII)


@dataclass(frozen=True)
class Identity:
    """One identity. Texts are "" when not set."""

    name: str
    provider: str = "graph"
    credential: str = MANAGED_IDENTITY
    tenant_id: str = ""
    client_id: str = ""
    """The application; for a managed identity, the user-assigned one (system-assigned if "")."""
    client_secret: str = field(default="", repr=False)
    client_secret_file: str = ""
    expires: datetime | None = None
    """When the client secret ends, as the administrator says."""
    certificate: str = field(default="", repr=False)
    """PEM with its key, base64 of a PFX, or the path of either."""
    certificate_password: str = field(default="", repr=False)
    token_file: str = ""
    """Holds a token that the application trusts; "" takes that of a managed identity."""
    managed_identity_client_id: str = ""
    smarthost: Smarthost | None = None
    """Of the provider smarthost."""
    gmail: Gmail | None = field(default=None, repr=False)
    """Of the provider gmail."""
    redirect_to: str = ""
    """The one address that gets all its mail instead; "" for none."""
    fallback: str = ""
    """The identity that sends when this one has not for `fallback_after`; "" for none."""
    fallback_after: timedelta = FALLBACK_AFTER


def read_identities(env: Mapping[str, str], faults: list[str]) -> Mapping[str, Identity]:
    """The identities of `env` by their name in lower case; adds to `faults` what is wrong."""
    keys_of: dict[str, dict[str, str]] = {DEFAULT: {}}
    for setting, value in env.items():
        if setting.upper().startswith(_PREFIX):
            name, _, key = setting[len(_PREFIX) :].rpartition("__")
            keys = keys_of.setdefault(name.lower(), {})
            _take(setting, name, key.upper(), value, keys, faults)
    return {name: _identity(name, keys, env, faults) for name, keys in keys_of.items()}


def _take(
    setting: str, name: str, key: str, value: str, keys: dict[str, str], faults: list[str]
) -> None:
    if not _NAME.fullmatch(name):
        faults.append(f"{setting}: write IDENTITY__<NAME>__<KEY>, the name in letters and digits.")
    elif key not in _KEYS:
        near = get_close_matches(key, _KEYS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"the keys are {', '.join(_KEYS)}."
        faults.append(f"{setting}: {key} is no key of an identity; {hint}")
    elif key in keys:
        faults.append(f"{setting}: set twice, in different case; keep one.")
    else:
        keys[key] = value
        if is_unresolved(value):
            faults.append(f"{setting}: {UNRESOLVED}")


def _identity(
    name: str, keys: dict[str, str], env: Mapping[str, str], faults: list[str]
) -> Identity:
    provider = keys.get("PROVIDER", GRAPH).lower()
    credential = keys.get("CREDENTIAL", _USUAL_CREDENTIAL.get(provider, MANAGED_IDENTITY)).lower()
    is_federated = credential == FEDERATION
    token_file = _token_file(keys, env) if is_federated else keys.get("TOKEN_FILE", "")
    own: list[str] = []
    identity = Identity(
        name=name,
        provider=provider,
        credential=credential,
        expires=_moment(keys.get(_EXPIRES, ""), own),
        smarthost=read_smarthost(keys, credential, own) if provider == SMARTHOST else None,
        gmail=(
            read_gmail(keys, own, is_federated=is_federated, token_file=token_file)
            if provider == GMAIL
            else None
        ),
        redirect_to=keys.get("REDIRECT_TO", ""),
        fallback=keys.get("FALLBACK", "").lower(),
        fallback_after=_fallback_after(keys, own),
        **{key.lower(): keys.get(key, "") for key in _OF_ENTRA} | {"token_file": token_file},
    )
    own = [*_faults_of(identity), *_foreign_keys(provider, keys), *own]
    faults.extend(f"IDENTITY__{name.upper()}__{fault}" for fault in own)
    if name == DEFAULT and identity.credential == MANAGED_IDENTITY and not identity.client_id:
        return replace(identity, client_id=env.get("AZURE_CLIENT_ID", ""))
    return identity


def _token_file(keys: Mapping[str, str], env: Mapping[str, str]) -> str:
    if "TOKEN_FILE" in keys or "APPLICATION_ID_URI" in keys:
        return keys.get("TOKEN_FILE", "")
    # Set by the workload identity of Azure Kubernetes Service.
    return env.get("AZURE_FEDERATED_TOKEN_FILE", "")


def _moment(text: str, faults: list[str]) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        faults.append(f"{_EXPIRES}: write a date, such as 2027-11-21.")
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _foreign_keys(provider: str, keys: Mapping[str, str]) -> Iterator[str]:
    for key in keys:
        if key not in _KEYS_OF.get(provider, _KEYS):
            yield f"{key}: the provider {provider} has no such key; remove it, or set PROVIDER."


def _fallback_after(keys: Mapping[str, str], faults: list[str]) -> timedelta:
    text = keys.get("FALLBACK_AFTER")
    duration = FALLBACK_AFTER if text is None else read_duration(text)
    if duration is None:
        faults.append("FALLBACK_AFTER: this is no duration; write 30m or 2h.")
    return duration or FALLBACK_AFTER


def fallbacks(identities: Mapping[str, Identity], faults: list[str]) -> Mapping[str, Fallback]:
    """Who stands in for whom; adds to `faults` what is wrong."""
    found = {}
    for name, identity in identities.items():
        if not identity.fallback:
            continue
        if identity.fallback not in identities or identity.fallback == name:
            faults.append(
                f"IDENTITY__{name.upper()}__FALLBACK: write the name of another identity."
            )
        found[name] = Fallback(identity.fallback, identity.fallback_after)
    return found


def _faults_of(identity: Identity) -> Iterator[str]:
    # No value is quoted: a secret may have been pasted into the wrong setting.
    if identity.provider not in PROVIDERS:
        yield f"PROVIDER: write {' or '.join(PROVIDERS)}."
    if identity.redirect_to and not is_writable(identity.redirect_to):
        yield "REDIRECT_TO: this is no mail address."
    for key in ("TENANT_ID", "CLIENT_ID", "MANAGED_IDENTITY_CLIENT_ID"):
        text = getattr(identity, key.lower())
        if text and not _GUID_OR_DOMAIN.fullmatch(text):
            yield f"{key}: this is no id; copy it from the app registration."
    credentials = _CREDENTIALS_OF.get(identity.provider, CREDENTIALS)
    if identity.credential not in credentials:
        yield f"CREDENTIAL: write {' or '.join(credentials)}."
        return
    needed = () if identity.provider == GMAIL else _NEEDS.get(identity.credential, ())
    for key in needed:
        if not getattr(identity, key.lower()):
            yield f"{key}: set it; the credential is {identity.credential}."
    if identity.credential == CLIENT_SECRET:
        yield from _faults_of_secret(identity)
    if identity.expires and identity.credential != CLIENT_SECRET:
        yield f"CREDENTIAL: {_EXPIRES} is set, so write {CLIENT_SECRET} (or remove it)."
    for key, credential in _BELONGS_TO.items():
        if getattr(identity, key.lower()) and identity.credential != credential:
            yield f"CREDENTIAL: {key} is set, so write {credential} (or remove it)."


def _faults_of_secret(identity: Identity) -> Iterator[str]:
    if not identity.client_secret and not identity.client_secret_file:
        yield f"CLIENT_SECRET: set it; the credential is {CLIENT_SECRET}."
    if identity.client_secret and identity.client_secret_file:
        yield "CLIENT_SECRET_FILE: set either it or CLIENT_SECRET."
