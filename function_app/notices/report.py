"""The report to the sender of a dead mail: RFC 3464, with the header of the mail alone. Pure.

The multipart/report stands inside a multipart/mixed, as RFC 6522 allows. At the top, Exchange
would read it as a report of its own and take the failed recipients for those of the message
(MS-OXCMAIL §2.2.3.7.1 step 3; github.com/microsoftgraph/msgraph-sdk-java/issues/807): who did not
get the mail would get the report.
"""

from dataclasses import dataclass
from datetime import datetime
from email.encoders import encode_base64
from email.message import Message
from email.mime.multipart import MIMEMultipart
from email.mime.nonmultipart import MIMENonMultipart
from email.utils import format_datetime

from function_app.mime.encoded import with_words_decoded
from function_app.mime.fields import Field, first
from function_app.notices.enhanced import enhanced_status
from function_app.notices.letters import (
    domain_of,
    facts_of,
    letter,
    moment_of,
    named,
    one_line,
    paragraphs,
    plain,
    wrapped,
)
from handoff.ticket import Ticket

_LONGEST_HEADER = 16 * 1024
_LONGEST_LINE = 998
_LONGEST_REASON = 900
_MOST_NAMED = 10
_NOT_SENT = "Your mail was not sent. It will not be tried again by itself."
_MAY_BE_SENT = (
    "Your mail may not have been sent; the relay cannot tell.\n"
    "It will not be tried again by itself."
)
_DOUBTFUL = frozenset({"poison", "unsure"})
_KEPT = (
    "The relay keeps the mail. When the cause is removed, an administrator can have it sent: tell "
    "the id when you ask for help. If it cannot wait, send it another way."
)
_LOST = "The mail itself is lost. Please send it again."
_PLAIN = frozenset(b"\t\r\n") | frozenset(range(32, 127))
_QCHAR = frozenset(range(33, 127)) - frozenset(b"\\+=")


@dataclass(frozen=True)
class Death:
    """What is known of a dead mail."""

    ticket: Ticket
    code: str
    reason: str
    at: datetime
    fields: tuple[Field, ...] | None
    """The header; None when the content is lost."""


def report(death: Death, *, id_: str, mailbox: str, to: str) -> bytes:
    """The mail that tells `to` of `death`, under the id `id_`, sent by `mailbox`."""
    parts = [plain(_words(death)), _status(death, domain_of(mailbox))]
    if death.fields is not None:
        parts.append(_header(death.fields))
    within = MIMEMultipart("report", f"=_{id_}_2", parts, report_type="delivery-status")
    return letter(
        MIMEMultipart("mixed", f"=_{id_}_1", [within]),
        id_=id_,
        mailbox=mailbox,
        to=to,
        subject=f"Not sent: {_subject(death) or 'your mail'}",
        moment=death.at,
        automatic="auto-replied",
    )


def _words(death: Death) -> str:
    ticket = death.ticket
    place = f" at {ticket.site}" if ticket.site else ""
    facts = {
        "Subject": _subject(death),
        "Accepted": moment_of(ticket.received_at),
        "From device": f"{ticket.device}{place}",
        "Recipients": named(map(one_line, ticket.envelope.forward_paths), _MOST_NAMED),
        "Id": ticket.id,
    }
    return paragraphs(
        _MAY_BE_SENT if death.code in _DOUBTFUL else _NOT_SENT,
        facts_of(facts),
        "The reason:",
        wrapped(one_line(death.reason)),
        wrapped(_LOST if death.fields is None else _KEPT),
        "This mail was written by the relay itself; nobody reads an answer to it.",
    )


def _status(death: Death, domain: str) -> Message:
    about_mail = Message()
    about_mail["Reporting-MTA"] = f"dns; {domain}"
    about_mail["Original-Envelope-Id"] = death.ticket.id
    about_mail["Arrival-Date"] = format_datetime(death.ticket.received_at)
    blocks: list[Message | str] = [about_mail]
    for path in death.ticket.envelope.forward_paths:
        block = Message()
        block["Final-Recipient"] = _typed(path)
        block["Action"] = "failed"
        block["Status"] = enhanced_status(death.code)
        block["Diagnostic-Code"] = _diagnosis(death)
        block["Last-Attempt-Date"] = format_datetime(death.at)
        blocks.append(block)
    part = MIMENonMultipart("message", "delivery-status")
    part.set_payload(blocks)
    return part


def _diagnosis(death: Death) -> str:
    said = one_line(f"{death.code}: {death.reason}").encode("ascii", "replace").decode("ascii")
    return f"x-relay; {said[:_LONGEST_REASON]}"


def _typed(path: str) -> str:
    """A recipient with its address type: RFC 3464 §2.3.2, beyond ASCII RFC 6533 §3."""
    if path.isascii():
        return f"rfc822; {path}"
    spelled = (
        c if ord(c) in _QCHAR else f"\\x{{{ord(c):X}}}"
        for c in path.encode("utf-8", "replace").decode("utf-8")
    )
    return f"utf-8; {''.join(spelled)}"


def _header(fields: tuple[Field, ...]) -> Message:
    octets = b"".join(_fitting(fields))
    part = MIMENonMultipart("text", "rfc822-headers")
    lines = octets.split(b"\r\n")
    if _PLAIN.issuperset(octets) and max(map(len, lines)) <= _LONGEST_LINE:
        part.set_payload("\n".join(line.decode("ascii") for line in lines))
    else:
        part.set_payload(octets)
        encode_base64(part)
    return part


def _fitting(fields: tuple[Field, ...]) -> list[bytes]:
    """The header from its start, as much as is worth sending back."""
    fitting, left = [], _LONGEST_HEADER
    for field in fields:
        left -= len(field.raw)
        if left < 0:
            break
        fitting.append(field.raw)
    return fitting


def _subject(death: Death) -> str:
    field = first(list(death.fields or ()), "subject")
    if field is None:
        return ""
    return one_line(with_words_decoded(field.value[:_LONGEST_REASON]).decode("utf-8", "replace"))
