"""What a client that signs in with Microsoft Entra calls itself. Pure.

An application's login is `<tenant><delimiter><client id>`, each a GUID or the base64url of its 16
octets, the delimiter one of `@`, `:` and `|`; whatever follows the first dot is for clients that
insist on a domain. The scheme is that of https://github.com/JustinIven/smtp-oauth-relay. A user's
login is a mailbox's address.
"""

import re
from base64 import urlsafe_b64decode
from dataclasses import dataclass
from uuid import UUID

_DELIMITER = re.compile(r"[@:|]")
_GUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_SHORT_GUID = re.compile(r"[A-Za-z0-9_-]{22}(==)?")
# It becomes a part of a web address, so nothing that means something there.
_USER = re.compile(r"[A-Za-z0-9.!$&'*+=^_`{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_LONGEST_USER = 254


@dataclass(frozen=True)
class ApplicationLogin:
    """An application of a tenant. Both are GUIDs in lower case."""

    tenant: str
    client_id: str


@dataclass(frozen=True)
class UserLogin:
    """A mailbox's own address, in lower case."""

    address: str


Login = ApplicationLogin | UserLogin


def read_application(login: str) -> ApplicationLogin | None:
    """None when `login` has another form."""
    parts = _DELIMITER.split(login.strip().partition(".")[0])
    if len(parts) != 2:
        return None
    tenant, client_id = map(read_guid, parts)
    return ApplicationLogin(tenant, client_id) if tenant and client_id else None


def read_user(login: str) -> UserLogin | None:
    """None when `login` is no address that Microsoft Entra could know."""
    login = login.strip()
    if len(login) > _LONGEST_USER or not _USER.fullmatch(login):
        return None
    return UserLogin(login.lower())


def read_guid(text: str) -> str | None:
    """A GUID, from its usual form or from base64url; None for anything else."""
    if _GUID.fullmatch(text):
        return text.lower()
    if _SHORT_GUID.fullmatch(text):
        return str(UUID(bytes=urlsafe_b64decode(text[:22] + "==")))
    return None
