"""A service account that proves with its key who it is."""

from collections.abc import Mapping
from typing import Any

from google.auth.credentials import Credentials
from google.auth.exceptions import GoogleAuthError
from google.oauth2 import service_account

from function_app.providers.gmail.delegation import Opened
from function_app.providers.token_faults import TokenUnavailable


def by_key(key: Mapping[str, Any]) -> Opened:
    def opened(mailbox: str, scope: str) -> Credentials:
        try:
            # google-auth has no types.
            return service_account.Credentials.from_service_account_info(  # type: ignore[no-any-return, no-untyped-call]
                key, scopes=[scope], subject=mailbox
            )
        except (ValueError, GoogleAuthError) as fault:
            # Its text may quote the key.
            raise TokenUnavailable(
                "token-key",
                f"The key of the service account cannot be read ({type(fault).__name__}). Set "
                "SERVICE_ACCOUNT to the JSON as Google hands it out.",
                is_configuration=True,
            ) from None

    return opened
