"""Sending identities: by what right the relay sends, as the settings tell.

`IDENTITY__<NAME>__<KEY>`; a ticket names one of them, `default` when the edge says nothing.
`default` needs no setting: it is the managed identity of the function app.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches

DEFAULT = "default"
PROVIDERS = ("graph",)
MANAGED_IDENTITY = "managed_identity"
CLIENT_SECRET = "client_secret"
CREDENTIALS = (MANAGED_IDENTITY, CLIENT_SECRET)
_KEYS = ("PROVIDER", "CREDENTIAL", "TENANT_ID", "CLIENT_ID", "CLIENT_SECRET")
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


def read_identities(env: Mapping[str, str], faults: list[str]) -> Mapping[str, Identity]:
    """The identities of `env` by their name in lower case; adds to `faults` what is wrong."""
    keys_of: dict[str, dict[str, str]] = {DEFAULT: {}}
    for setting, value in env.items():
        if setting.upper().startswith(_PREFIX):
            name, _, key = setting[len(_PREFIX) :].rpartition("__")
            keys = keys_of.setdefault(name.lower(), {})
            _take(setting, name, key.upper(), value, keys, faults)
    usual = env.get("AZURE_CLIENT_ID", "")
    return {name: _identity(name, keys, usual, faults) for name, keys in keys_of.items()}


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
        if value.startswith("@Microsoft.KeyVault("):
            # Azure hands over the reference itself when it cannot resolve it.
            faults.append(
                f"{setting}: its Key Vault reference is not resolved; give the function app's "
                "identity the role Key Vault Secrets User, and check the secret's name."
            )


def _identity(name: str, keys: dict[str, str], usual: str, faults: list[str]) -> Identity:
    identity = Identity(
        name=name,
        provider=keys.get("PROVIDER", "graph").lower(),
        credential=keys.get("CREDENTIAL", MANAGED_IDENTITY).lower(),
        tenant_id=keys.get("TENANT_ID", ""),
        client_id=keys.get("CLIENT_ID", ""),
        client_secret=keys.get("CLIENT_SECRET", ""),
    )
    faults.extend(f"IDENTITY__{name.upper()}__{fault}" for fault in _faults_of(identity))
    if name == DEFAULT and identity.credential == MANAGED_IDENTITY and not identity.client_id:
        return replace(identity, client_id=usual)
    return identity


def _faults_of(identity: Identity) -> list[str]:
    # No value is quoted: a secret may have been pasted into the wrong setting.
    faults = []
    if identity.provider not in PROVIDERS:
        faults.append(f"PROVIDER: write {' or '.join(PROVIDERS)}.")
    if identity.credential not in CREDENTIALS:
        faults.append(f"CREDENTIAL: write {' or '.join(CREDENTIALS)}.")
    for key, text in (("TENANT_ID", identity.tenant_id), ("CLIENT_ID", identity.client_id)):
        if text and not _GUID_OR_DOMAIN.fullmatch(text):
            faults.append(f"{key}: this is no id; copy it from the app registration.")
    if identity.credential == CLIENT_SECRET:
        needed = ("TENANT_ID", "CLIENT_ID", "CLIENT_SECRET")
        faults.extend(
            f"{key}: set it; the credential is {CLIENT_SECRET}."
            for key in needed
            if not getattr(identity, key.lower())
        )
    elif identity.client_secret:
        faults.append(f"CREDENTIAL: a secret is set, so write {CLIENT_SECRET} (or remove it).")
    return faults
