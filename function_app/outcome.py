"""The verdict on one attempt to send, in the words of every provider. Pure.

Permanent is only what is known to be: the same mail, sent again, must fail again. Whatever is not
known is deferred. The sentences are for the administrator who has to act.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class Sent:
    """The provider has taken the mail."""

    provider: str
    request_id: str
    """The provider's own id of the request, for its support."""


@dataclass(frozen=True)
class Deferred:
    """Not now: try again."""

    code: str
    reason: str
    after: timedelta | None = None
    """The provider wants to be left alone so long."""
    unsure: bool = False
    """The provider may have taken the mail all the same."""
    is_configuration: bool = False
    """It stays so until an administrator acts."""
    is_throttled: bool = False
    """The mailbox asks for too much; its other mails would be told the same."""
    request_id: str = ""
    """As of a mail that was sent; "" when nobody answered."""


@dataclass(frozen=True)
class Rejected:
    """Never: the same mail would fail again."""

    code: str
    reason: str
    request_id: str = ""


Outcome = Sent | Deferred | Rejected


@dataclass(frozen=True)
class Divided:
    """The recipients of one letter have met with different fates."""

    outcomes: Mapping[str, Outcome]
    """By forward path, all of the letter's."""


@dataclass(frozen=True)
class WasSent:
    """An earlier attempt has sent the mail."""

    provider: str


@dataclass(frozen=True)
class NotSent:
    """There is no trace of it, yet: a copy may take a minute to be seen."""


@dataclass(frozen=True)
class CannotLook:
    """Nobody can tell. `reason` says what is missing."""

    reason: str


Found = WasSent | NotSent | CannotLook

TOO_LARGE = "too-large"
TOO_MANY = "too-many-recipients"
"""For one transaction: these follow in another."""
