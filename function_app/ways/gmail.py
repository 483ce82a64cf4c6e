"""Gmail, by a service account that may act for the mailboxes of its domain. Pure.

Either with its key (https://developers.google.com/identity/protocols/oauth2/service-account), or
without any, by workload identity federation: Google trusts a token of Microsoft Entra or of a
cluster (https://cloud.google.com/iam/docs/workload-identity-federation).
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from function_app.loopback import is_loopback

KEYS = ("SERVICE_ACCOUNT", "POOL_PROVIDER", "APPLICATION_ID_URI")
_NEEDED = ("client_email", "private_key", "token_uri")
_EMAIL = re.compile(r"[A-Za-z0-9.-]{1,63}@[A-Za-z0-9.-]{1,255}", re.ASCII)
_PART = r"[A-Za-z0-9-]{1,63}"
_POOL_PROVIDER = re.compile(
    r"(https:)?(//iam\.googleapis\.com/)?(?P<name>projects/[0-9]{1,20}/locations/global"
    rf"/workloadIdentityPools/{_PART}/providers/{_PART})",
    re.ASCII,
)
_RESOURCE = re.compile(r"[\x21-\x7e]{1,255}", re.ASCII)


@dataclass(frozen=True)
class Federation:
    """Whom Google lets act as a service account, as long as Entra or a cluster vouches for it."""

    service_account: str
    """Its address."""
    audience: str
    """The provider of the workload identity pool, as Google's token service names it."""
    application_id_uri: str = ""
    """For what a managed identity asks its token; "" when the token lies in a file."""


@dataclass(frozen=True)
class Gmail:
    service_account: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Its key, as Google hands it out; empty when there is a federation instead."""
    federation: Federation | None = None


def read_gmail(
    keys: Mapping[str, str], faults: list[str], *, is_federated: bool, token_file: str
) -> Gmail:
    """Of the keys of one identity; `faults` gets what is wrong, one sentence each."""
    if is_federated:
        return Gmail(federation=_read_federation(keys, faults, token_file))
    for name in KEYS[1:]:
        if name in keys:
            faults.append(f"CREDENTIAL: {name} is set, so write federation (or remove it).")
    return Gmail(_read_key(keys.get("SERVICE_ACCOUNT", ""), faults))


def _read_key(text: str, faults: list[str]) -> Mapping[str, Any]:
    # No value is quoted: it is a private key.
    try:
        key = json.loads(text)
    except (ValueError, RecursionError):
        key = None
    if not isinstance(key, dict) or not all(isinstance(key.get(name), str) for name in _NEEDED):
        faults.append(
            "SERVICE_ACCOUNT: set it to the JSON of the service account's key, whole "
            f"({', '.join(_NEEDED)} are needed)."
        )
        return {}
    address = urlsplit(key["token_uri"])
    if address.scheme != "https" and not is_loopback(address):
        faults.append("SERVICE_ACCOUNT: its token_uri must begin with https://.")
    return key


def _read_federation(keys: Mapping[str, str], faults: list[str], token_file: str) -> Federation:
    # No value is quoted: a key may have been pasted into the wrong setting.
    account = keys.get("SERVICE_ACCOUNT", "")
    if not _EMAIL.fullmatch(account):
        faults.append(
            "SERVICE_ACCOUNT: write the address of the service account; the credential is "
            "federation, which needs no key."
        )
    provider = _POOL_PROVIDER.fullmatch(keys.get("POOL_PROVIDER", ""))
    if provider is None:
        faults.append(
            "POOL_PROVIDER: write the name of the provider in the workload identity pool: "
            "projects/<number>/locations/global/workloadIdentityPools/<pool>/providers/<provider>."
        )
    resource = keys.get("APPLICATION_ID_URI", "")
    if bool(resource) == bool(token_file):
        faults.append(
            "APPLICATION_ID_URI: set it, for the token of a managed identity, or TOKEN_FILE, and "
            "not both."
        )
    elif resource and not _RESOURCE.fullmatch(resource):
        faults.append("APPLICATION_ID_URI: this is no URI; copy it from the app registration.")
    name = provider["name"] if provider else ""
    return Federation(account, f"//iam.googleapis.com/{name}", resource)
