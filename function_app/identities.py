"""Sending identities: by what right the relay sends, as the settings tell.

`IDENTITY__<NAME>__<KEY>`; a ticket names one of them, `default` when the edge says nothing.
`default` needs no setting: it is the managed identity of the function app.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from difflib import get_close_matches

DEFAULT = "default"
PROVIDERS = ("graph",)
MANAGED_IDENTITY = "managed_identity"
CLIENT_SECRET = "client_secret"
CERTIFICATE = "certificate"
FEDERATION = "federation"
CREDENTIALS = (MANAGED_IDENTITY, FEDERATION, CERTIFICATE, CLIENT_SECRET)
_KEYS = (
    "PROVIDER",
    "CREDENTIAL",
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
    elif key not in (*_KEYS, _EXPIRES):
        near = get_close_matches(key, (*_KEYS, _EXPIRES), n=1)
        hint = f"did you mean {near[0]}?" if near else f"the keys are {', '.join(_KEYS)}."
        faults.append(f"{setting}: {key} is no key of an identity; {hint}")
    elif key in keys:
        faults.append(f"{setting}: set twice, in different case; keep one.")
    else:
        keys[key] = value
        if value.startswith("@Microsoft.KeyVault("):
            # Azure hands over the reference itself when it cannot resolve it.
            faults.append(
                f"{setting}: its Key Vault reference is not resolved; give the function app's "
                "identity the role Key Vault Secrets User, and check the secret's name."
            )


def _identity(
    name: str, keys: dict[str, str], env: Mapping[str, str], faults: list[str]
) -> Identity:
    identity = Identity(
        name=name,
        provider=keys.get("PROVIDER", "graph").lower(),
        credential=keys.get("CREDENTIAL", MANAGED_IDENTITY).lower(),
        expires=_moment(name, keys.get(_EXPIRES, ""), faults),
        **{key.lower(): keys.get(key, "") for key in _KEYS[2:]},
    )
    faults.extend(f"IDENTITY__{name.upper()}__{fault}" for fault in _faults_of(identity))
    if name == DEFAULT and identity.credential == MANAGED_IDENTITY and not identity.client_id:
        return replace(identity, client_id=env.get("AZURE_CLIENT_ID", ""))
    if identity.credential == FEDERATION and not identity.token_file:
        # Set by the workload identity of Azure Kubernetes Service.
        return replace(identity, token_file=env.get("AZURE_FEDERATED_TOKEN_FILE", ""))
    return identity


def _moment(name: str, text: str, faults: list[str]) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        faults.append(f"IDENTITY__{name.upper()}__{_EXPIRES}: write a date, such as 2027-11-21.")
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _faults_of(identity: Identity) -> Iterator[str]:
    # No value is quoted: a secret may have been pasted into the wrong setting.
    if identity.provider not in PROVIDERS:
        yield f"PROVIDER: write {' or '.join(PROVIDERS)}."
    for key in ("TENANT_ID", "CLIENT_ID", "MANAGED_IDENTITY_CLIENT_ID"):
        text = getattr(identity, key.lower())
        if text and not _GUID_OR_DOMAIN.fullmatch(text):
            yield f"{key}: this is no id; copy it from the app registration."
    if identity.credential not in CREDENTIALS:
        yield f"CREDENTIAL: write {' or '.join(CREDENTIALS)}."
        return
    for key in _NEEDS[identity.credential]:
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
