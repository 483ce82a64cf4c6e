"""A client's own credential, on its way from the edge to the function app.

A compact JWE (RFC 7516): ECDH-ES+A256KW, A256GCM. The edge has the public key alone, so what it has
sealed it cannot open, and neither can whoever reads its disk or the queue. The key's id is its
thumbprint (RFC 7638); during a rotation the function app holds two keys.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Self

from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, GuestProtocol

_ALGORITHMS = ["ECDH-ES+A256KW", "A256GCM"]
_CURVE = "P-256"
LONGEST_SECRET = 256
"""Characters; what is sealed has to fit into a ticket beside the recipients."""


@dataclass(frozen=True)
class ApplicationCredential:
    """An application that proves itself by a client secret."""

    tenant: str
    client_id: str
    secret: str = field(repr=False)


@dataclass(frozen=True)
class UserCredential:
    """A user with a password, and the application through which they sign in."""

    tenant: str
    client_id: str
    client_secret: str = field(repr=False)
    """ "" for a public client."""
    username: str
    password: str = field(repr=False)


Credential = ApplicationCredential | UserCredential
_KINDS: dict[str, type[ApplicationCredential] | type[UserCredential]] = {
    "application": ApplicationCredential,
    "user": UserCredential,
}


class BadKey(ValueError):
    """A text that is no key of this kind. It is not quoted: it may be secret."""


class UnknownKey(Exception):
    """Sealed for a key that is not here. It may be, once an administrator sets it."""


class BadSeal(Exception):
    """Nothing that was sealed here, or no longer whole. It never opens."""


class SealingKey:
    """What the edge has: it seals, and opens nothing."""

    def __init__(self, key: ECKey) -> None:
        self._key = key

    @classmethod
    def read(cls, text: str) -> Self:
        """A public JWK. Raises BadKey, also for a private one: that has no business at an edge."""
        key = _read(text)
        if key.is_private:
            raise BadKey("this is the private key; the edge gets the public one, without d")
        return cls(key)

    @property
    def id(self) -> str:
        return self._key.thumbprint()

    def seal(self, credential: Credential) -> str:
        kind = next(kind for kind, of in _KINDS.items() if isinstance(credential, of))
        header = {"alg": _ALGORITHMS[0], "enc": _ALGORITHMS[1], "kid": self.id}
        text = json.dumps({"kind": kind} | asdict(credential))
        return jwe.encrypt_compact(header, text.encode("ascii"), self._key, algorithms=_ALGORITHMS)


class OpeningKeys:
    """What the function app has: the keys that open, by their ids."""

    def __init__(self, keys: Iterable[ECKey] = ()) -> None:
        self._keys = {key.thumbprint(): key for key in keys}

    @classmethod
    def read(cls, texts: Iterable[str]) -> Self:
        """Private JWKs. Raises BadKey."""
        keys = [_read(text) for text in texts]
        if not all(key.is_private for key in keys):
            raise BadKey("this is the public key; the function app gets the private one, with d")
        return cls(keys)

    def open(self, sealed: str) -> Credential:
        """Raises UnknownKey and BadSeal."""
        try:
            opened = jwe.decrypt_compact(sealed, self._key_for, algorithms=_ALGORITHMS)
            values = json.loads(opened.plaintext or b"")
            return _KINDS[values.pop("kind")](**values)
        except (JoseError, ValueError, LookupError, TypeError, AttributeError) as error:
            # Nothing of the cause: it may quote what was inside.
            raise BadSeal(type(error).__name__) from None

    def _key_for(self, recipient: GuestProtocol) -> ECKey:
        key = self._keys.get(str(recipient.headers().get("kid")))
        if key is None:
            raise UnknownKey
        return key


def new_key_pair() -> tuple[str, str]:
    """A private JWK for the function app, and its public half for the edges."""
    key = ECKey.generate_key(_CURVE, private=True)
    return json.dumps(key.as_dict(private=True)), json.dumps(key.as_dict(private=False))


def _read(text: str) -> ECKey:
    try:
        key = ECKey.import_key(json.loads(text))
    except (JoseError, ValueError, LookupError, TypeError, AttributeError):
        key = None
    if key is None or key.curve_name != _CURVE:
        raise BadKey("this is no key; write the JSON that `relay sealing-key` prints")
    return key
