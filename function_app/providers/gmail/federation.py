"""A service account without a key, by workload identity federation.

Google's token service takes a token of Microsoft Entra, or of a cluster, for one of its own; with
that the IAM Credentials API signs, in the service account's name, what asks for a mailbox's token.
"""

from collections.abc import Callable
from threading import Lock
from typing import Any

from google.auth import identity_pool, impersonated_credentials
from google.auth.credentials import Credentials, TokenState

from function_app.providers.gmail.delegation import Opened
from function_app.ways.gmail import Federation

_TO_SIGN = "https://www.googleapis.com/auth/iam"
_SUBJECT_TOKEN = "urn:ietf:params:oauth:token-type:jwt"


def by_federation(federation: Federation, vouch: Callable[[], str]) -> Opened:
    """`vouch` yields the token that Google trusts, or raises TokenUnavailable."""
    source = _Source(federation.audience, vouch)

    def opened(mailbox: str, scope: str) -> Credentials:
        # google-auth has no types.
        return impersonated_credentials.Credentials(  # type: ignore[no-untyped-call]
            source, federation.service_account, [scope], subject=mailbox
        )

    return opened


class _Vouching(identity_pool.SubjectTokenSupplier):
    def __init__(self, vouch: Callable[[], str]) -> None:
        self._vouch = vouch

    def get_subject_token(self, context: Any, request: Any) -> str:
        return self._vouch()


class _Source(identity_pool.Credentials):
    """By whose right Google signs: one for all mailboxes, where google-auth would copy it."""

    def __init__(self, audience: str, vouch: Callable[[], str]) -> None:
        # google-auth has no types.
        super().__init__(  # type: ignore[no-untyped-call]
            audience,
            _SUBJECT_TOKEN,
            subject_token_supplier=_Vouching(vouch),
            scopes=[_TO_SIGN],
        )
        self._refreshing = Lock()

    def __copy__(self) -> "_Source":
        return self

    def with_scopes(self, scopes: Any, default_scopes: Any = None) -> "_Source":
        return self

    def refresh(self, request: Any) -> None:
        with self._refreshing:
            if self.token_state is not TokenState.FRESH:
                # google-auth has no types.
                super().refresh(request)  # type: ignore[no-untyped-call]
