"""The enhanced status code (RFC 3463) of a dead mail, by the code of its reason. Pure."""

from collections.abc import Mapping

UNDEFINED = "5.0.0"

_SENDER = "5.1.8"
_MAY_NOT_SEND_AS = "5.7.1"
_RECIPIENT = "5.1.3"
_TOO_LARGE = "5.3.4"
_SYSTEM = "5.3.0"
_CONTENT = "5.6.0"

STATUS: Mapping[str, str] = {
    "ErrorInvalidUser": _SENDER,
    "Request_ResourceNotFound": _SENDER,
    "ResourceNotFound": _SENDER,
    "MailboxNotHostedInExchangeOnline": _SENDER,
    "MailboxNotSupportedForRESTAPI": _SENDER,
    "ErrorSendAsDenied": _MAY_NOT_SEND_AS,
    "from-not-allowed": _MAY_NOT_SEND_AS,
    "ErrorInvalidRecipients": _RECIPIENT,
    "ErrorInvalidSmtpAddress": _RECIPIENT,
    "ErrorMissingRecipients": _RECIPIENT,
    "bad-address": _RECIPIENT,
    "ErrorMessageSizeExceeded": _TOO_LARGE,
    "ErrorAttachmentSizeLimitExceeded": _TOO_LARGE,
    "ErrorDataSizeLimitExceeded": _TOO_LARGE,
    "ErrorRequestStreamTooBig": _TOO_LARGE,
    "too-large": _TOO_LARGE,
    "signed-too-large": _TOO_LARGE,
    "ErrorMimeContentInvalidBase64String": _CONTENT,
    "ErrorMimeContentInvalid": _CONTENT,
    "header-too-large": _CONTENT,
    "ErrorVirusDetected": "5.7.0",
    "gave-up": "4.4.7",  # RFC 3463 §3.5: an expiry stays a persistent transient failure
    "loop": "5.4.6",
    "unknown-identity": "5.3.5",
    "content-lost": _SYSTEM,
    "poison": _SYSTEM,
    "unsure": _SYSTEM,
    "bad-ticket": _SYSTEM,
}


def enhanced_status(code: str) -> str:
    return STATUS.get(code, UNDEFINED)
