"""Gmail, by a service account that may act for the mailboxes of its domain. Pure.

https://developers.google.com/identity/protocols/oauth2/service-account
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from function_app.loopback import is_loopback

KEYS = ("SERVICE_ACCOUNT",)
_NEEDED = ("client_email", "private_key", "token_uri")


@dataclass(frozen=True)
class Gmail:
    """The key of the service account, as Google hands it out."""

    service_account: Mapping[str, Any] = field(default_factory=dict, repr=False)


def read_gmail(keys: Mapping[str, str], faults: list[str]) -> Gmail:
    """Of the keys of one identity; `faults` gets what is wrong, one sentence each."""
    # No value is quoted: it is a private key.
    try:
        key = json.loads(keys.get("SERVICE_ACCOUNT", ""))
    except (ValueError, RecursionError):
        key = None
    if not isinstance(key, dict) or not all(isinstance(key.get(name), str) for name in _NEEDED):
        faults.append(
            "SERVICE_ACCOUNT: set it to the JSON of the service account's key, whole "
            f"({', '.join(_NEEDED)} are needed)."
        )
        return Gmail()
    address = urlsplit(key["token_uri"])
    if address.scheme != "https" and not is_loopback(address):
        faults.append("SERVICE_ACCOUNT: its token_uri must begin with https://.")
    return Gmail(key)
