"""What a smarthost's reply means for the mail. Pure.

By RFC 5321 §4.2.1 a reply 5yz is permanent. Yet some are about the relay and not about the mail:
who may send here, and as whom. These wait for an administrator, as do all that are not understood.
"""

import re
from dataclasses import dataclass

from function_app.outcome import TOO_LARGE, TOO_MANY, Deferred, Rejected

_ENHANCED = re.compile(r"([245])\.(\d{1,3})\.(\d{1,3})(?=\s|$)")
_LONGEST = 300

_SIGN_IN = "The smarthost wants the relay to sign in. Set CREDENTIAL and what belongs to it."
_NOT_FOR_US = (
    "The smarthost does not relay for this identity. Allow the address of the function app there, "
    "or the account to send as this mailbox."
)
_WRONG_PASSWORD = "The smarthost refuses the sign-in. Check USERNAME and the credential."
_BUSY = "The smarthost asks to come back later. The mail waits."
_UNCLEAR = "The smarthost gave an answer that is no answer to this. The mail waits."
_TOO_LARGE = "The smarthost does not take a mail of this size. Send less in one mail."
_MANY = "The smarthost takes no more recipients with one mail; the others follow."
_NO_RECIPIENT = "The smarthost does not take this recipient. Correct the address at the device."
_NO_SENDER = (
    "The smarthost does not take this sender address. Set send_as of the device to one that the "
    "smarthost knows."
)
_REFUSED = "The smarthost refuses the mail."

# https://learn.microsoft.com/exchange/mail-flow-best-practices/non-delivery-reports-in-exchange-online/non-delivery-reports-in-exchange-online
_SEND_AS = (
    "The account may not send as this address. Grant it Send As, or set from_policy of the device "
    'to "rewrite".'
)
_PERMANENT_IN_SPITE = {"5.7.60": _SEND_AS, "5.2.252": _SEND_AS}


@dataclass(frozen=True)
class Reply:
    """One answer of the server."""

    code: int
    text: str

    @property
    def enhanced(self) -> str:
        """RFC 3463; "" when there is none that fits the code."""
        found = _ENHANCED.match(self.text)
        return found[0] if found and found[1] == str(self.code)[0] else ""

    @property
    def is_good(self) -> bool:
        return 200 <= self.code < 300

    @property
    def name(self) -> str:
        """What the ledger has as the code of a fault."""
        return f"smtp-{self.code}-{self.enhanced}" if self.enhanced else f"smtp-{self.code}"


def on_greeting(reply: Reply) -> Deferred:
    """It refuses the connection; that says nothing about the mail."""
    if reply.code == 530:
        return _deferred(reply, _SIGN_IN, is_configuration=True)
    return _deferred(reply, _NOT_FOR_US if reply.code >= 500 else _BUSY, reply.code >= 500)


def on_sign_in(reply: Reply) -> Deferred:
    is_permanent = 500 <= reply.code < 600
    return _deferred(reply, _WRONG_PASSWORD if is_permanent else _BUSY, is_permanent)


def on_sender(reply: Reply) -> Deferred | Rejected:
    """To MAIL."""
    if reply.enhanced.startswith("5.1."):
        return _rejected(reply, _NO_SENDER)
    return _common(reply) or _deferred(reply, _NOT_FOR_US, is_configuration=True)


def on_recipient(reply: Reply) -> Deferred | Rejected:
    """To one RCPT."""
    # RFC 5321 §4.5.3.1.10: 552 was once said for too many, and means 452.
    is_many = reply.enhanced in ("4.5.3", "5.5.3") or (reply.code == 452 and not reply.enhanced)
    if is_many or (reply.code == 552 and not reply.enhanced):
        return Deferred(TOO_MANY, _quoting(_MANY, reply))
    if reply.enhanced.startswith("5.7."):
        return _deferred(reply, _NOT_FOR_US, is_configuration=True)
    return _common(reply) or _rejected(reply, _NO_RECIPIENT)


def on_content(reply: Reply) -> Deferred | Rejected:
    """To DATA, or to the end of the content."""
    return _common(reply) or _rejected(reply, _REFUSED)


def _common(reply: Reply) -> Deferred | Rejected | None:
    if 400 <= reply.code < 500:
        return _deferred(reply, _BUSY)
    if not 500 <= reply.code < 600 or reply.code in (500, 501, 502, 503, 504):
        return _deferred(reply, _UNCLEAR)
    if reply.enhanced in _PERMANENT_IN_SPITE:
        return _rejected(reply, _PERMANENT_IN_SPITE[reply.enhanced])
    if reply.code in (530, 535) or reply.enhanced in ("5.7.0", "5.7.57", "5.7.64"):
        return _deferred(reply, _SIGN_IN, is_configuration=True)
    if reply.enhanced in ("5.3.4", "5.2.3") or (reply.code == 552 and not reply.enhanced):
        return Rejected(TOO_LARGE, _quoting(_TOO_LARGE, reply))
    return None


def _deferred(reply: Reply, advice: str, is_configuration: bool = False) -> Deferred:
    return Deferred(reply.name, _quoting(advice, reply), is_configuration=is_configuration)


def _rejected(reply: Reply, advice: str) -> Rejected:
    return Rejected(reply.name, _quoting(advice, reply))


def _quoting(sentence: str, reply: Reply) -> str:
    said = " ".join(f"{reply.code} {reply.text}".split())[:_LONGEST]
    return f'{sentence} (It said: "{said}")'
