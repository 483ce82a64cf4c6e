"""The verdict on one attempt to send, and what a provider's answer means. Pure.

Permanent is only what is known to be: the same mail, sent again, must fail again. Whatever is
not in the table is deferred. The sentences are for the administrator who has to act.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

LONGEST_RETRY_AFTER = timedelta(hours=1)
"""A provider that asks for more is asked again after this."""


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

_TOO_LARGE_FOR_REQUEST = (
    "The mail exceeds what Microsoft Graph takes in one request. Send a smaller attachment."
)
_TOO_LARGE_FOR_MAILBOX = (
    "The mail exceeds the message size limit of the tenant or the mailbox. "
    "Raise MaxSendSize in Exchange Online, or send less."
)
_NO_SUCH_MAILBOX = (
    "The sending mailbox does not exist under this address. Set send_as to the user principal "
    "name of a licensed user or of a shared mailbox, not to an alias or a group."
)
_NOT_IN_EXCHANGE_ONLINE = (
    "The sending mailbox is not in Exchange Online, so Microsoft Graph cannot send from it. "
    "Move it, or choose another mailbox as send_as."
)
_NO_RECIPIENT = (
    "Exchange does not take a recipient address of this mail. "
    "Correct the address at the device, then redrive the mail."
)
_BAD_MIME = (
    "Microsoft Graph cannot read the mail that the relay made of it. That is a fault of the "
    "relay: please report it with the code and the header of the mail."
)

_PERMANENT = {
    "ErrorSendAsDenied": (
        "The sending mailbox may not send with this From address. Grant it Send As for the "
        'address, or set from_policy = "rewrite" for the device.'
    ),
    "ErrorInvalidUser": _NO_SUCH_MAILBOX,
    "Request_ResourceNotFound": _NO_SUCH_MAILBOX,
    "ResourceNotFound": _NO_SUCH_MAILBOX,
    "MailboxNotHostedInExchangeOnline": _NOT_IN_EXCHANGE_ONLINE,
    "MailboxNotSupportedForRESTAPI": _NOT_IN_EXCHANGE_ONLINE,
    "ErrorInvalidRecipients": _NO_RECIPIENT,
    "ErrorInvalidSmtpAddress": _NO_RECIPIENT,
    "ErrorMissingRecipients": _NO_RECIPIENT,
    "ErrorMimeContentInvalidBase64String": _BAD_MIME,
    "ErrorMimeContentInvalid": _BAD_MIME,
    "ErrorMessageSizeExceeded": _TOO_LARGE_FOR_MAILBOX,
    "ErrorAttachmentSizeLimitExceeded": _TOO_LARGE_FOR_MAILBOX,
    "ErrorDataSizeLimitExceeded": _TOO_LARGE_FOR_MAILBOX,
    "ErrorRequestStreamTooBig": _TOO_LARGE_FOR_MAILBOX,
    "ErrorVirusDetected": "Exchange found malware in the mail and does not send it.",
}

_FORBIDDEN = (
    "The identity may not send from this mailbox. Grant it Mail.Send, or add the mailbox to its "
    "scope (RBAC for Applications). Changes take up to two hours to be seen."
)
_ADVICE = {
    "ErrorAccessDenied": _FORBIDDEN,
    "Authorization_RequestDenied": _FORBIDDEN,
    "InvalidAuthenticationToken": (
        "Microsoft Graph does not take the token of the identity. Check that RELAY_CLOUD names "
        "the tenant's cloud and that the clock is right."
    ),
    "MailboxNotEnabledForRESTAPI": (
        "The sending mailbox is inactive, soft-deleted, on-premises, or was licensed only just "
        "now. License or restore it, or choose another mailbox as send_as."
    ),
    "ErrorQuotaExceeded": "The sending mailbox is full. Empty it, or raise its quota.",
    "ErrorSubmissionQuotaExceeded": (
        "The sending mailbox has used up its recipients of this day. It frees itself in 24 hours."
    ),
    "ErrorAccountDisabled": "The account of the sending mailbox is disabled. Enable it.",
    "ErrorMailboxLogonFailed": "Exchange does not open the sending mailbox. Check its account.",
}

_PASSES_BY_ITSELF = frozenset({"ErrorSubmissionQuotaExceeded"})
_REFUSED_BEFORE_SENDING = frozenset({"ErrorServerBusy", "ApplicationThrottled"})


def classify(
    status: int, code: str, message: str, retry_after: timedelta | None
) -> Deferred | Rejected:
    """What an answer of Microsoft Graph other than 202 means for the mail."""
    if code in _PERMANENT:
        return Rejected(code, _quoting(_PERMANENT[code], message))
    if status == 413 or "maximum request length" in message:
        return Rejected(TOO_LARGE, _quoting(_TOO_LARGE_FOR_REQUEST, message))
    advice = _ADVICE.get(code) or _advice_on(status)
    return Deferred(
        code or f"http-{status}",
        _quoting(advice, message),
        after=retry_after,
        unsure=_may_have_sent(status, code),
        is_configuration=_is_configuration(status, code),
        is_throttled=_is_throttled(status, code, retry_after),
    )


def parse_retry_after(value: str | None, now: datetime) -> timedelta | None:
    """A Retry-After field (RFC 9110 §10.2.3: seconds or a date), at most an hour; None if none."""
    if value is None:
        return None
    pause = _from_seconds(value) if value.strip().isdecimal() else _from_date(value, now)
    if pause is None:
        return None
    return min(max(pause, timedelta(0)), LONGEST_RETRY_AFTER)


def _from_seconds(value: str) -> timedelta:
    # Digits without end are a number that int() and timedelta() refuse.
    return timedelta(seconds=int(value)) if len(value.strip()) < 9 else LONGEST_RETRY_AFTER


def _from_date(value: str, now: datetime) -> timedelta | None:
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now


def _advice_on(status: int) -> str:
    if status == 429:
        return "Microsoft Graph throttles the mailbox or the tenant. The mail waits as told."
    if status in (401, 403):
        return "Microsoft Graph refuses the identity. Check its permissions and its credential."
    if status >= 500:
        return "Microsoft Graph has a fault of its own. The mail waits for it to pass."
    return "Microsoft Graph gave an answer that the relay does not know. The mail waits."


def _is_configuration(status: int, code: str) -> bool:
    return status in (401, 403) or code in _ADVICE.keys() - _PASSES_BY_ITSELF


def _is_throttled(status: int, code: str, retry_after: timedelta | None) -> bool:
    if status == 503:
        return code in _REFUSED_BEFORE_SENDING or retry_after is not None
    return status == 429


def _may_have_sent(status: int, code: str) -> bool:
    # A gateway that gave up says nothing about the server behind it, and 200 was seen for
    # requests whose fate is unknown (microsoftgraph/microsoft-graph-docs#13979).
    if status == 503 and code in _REFUSED_BEFORE_SENDING:
        return False
    return status >= 500 or status == 408 or status < 300


def _quoting(sentence: str, message: str) -> str:
    words = " ".join(message.split())[:300]
    return f'{sentence} (Microsoft Graph: "{words}")' if words else sentence
