"""Mails of clients that brought their own credential: opened here, sent with their own tokens.

One provider is kept for each credential, since the token cache lives in it; the longest unused goes
first. What is sealed anew for each session is the same credential all the same.
"""

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

from function_app.outcome import Deferred, Rejected
from function_app.providers import Provider
from handoff.sealed import BadSeal, Credential, OpeningKeys, UnknownKey

_MOST = 256
_UNKNOWN_KEY = Deferred(
    "unknown-sealing-key",
    "The edge sealed the client's credential for a key that the function app does not have. Set "
    "RELAY_SEALING_KEY (or RELAY_SEALING_KEY_PREVIOUS) to the private half of the sealing_key in "
    "edge.toml.",
    is_configuration=True,
)
_BAD_SEAL = Rejected(
    "bad-seal",
    "The client's sealed credential is damaged and never opens. Send the mail again.",
)


class Guests:
    """The providers of guests. Safe to share between threads."""

    def __init__(self, keys: OpeningKeys, open_provider: Callable[[Credential], Provider]) -> None:
        self._keys = keys
        self._open_provider = open_provider
        self._lock = Lock()
        self._kept: OrderedDict[Credential, Provider] = OrderedDict()

    def provider_of(self, sealed: str) -> Provider | Deferred | Rejected:
        try:
            credential = self._keys.open(sealed)
        except UnknownKey:
            return _UNKNOWN_KEY
        except BadSeal:
            return _BAD_SEAL
        with self._lock:
            if credential not in self._kept:
                self._kept[credential] = self._open_provider(credential)
                if len(self._kept) > _MOST:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(credential)
            return self._kept[credential]
