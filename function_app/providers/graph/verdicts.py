"""What an answer of Microsoft Graph means for the mail. Pure.

One table of what is known to be permanent; whatever is not in it is deferred.
"""

from datetime import timedelta

from function_app.outcome import TOO_LARGE, Deferred, Rejected

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
