"""A dead mail as its dead letter tells it: what the notices of it are made of."""

from dataclasses import dataclass
from datetime import datetime

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from function_app.mime.fields import Field, HeaderTooLarge, split
from function_app.notices.board import Notice
from function_app.notices.enhanced import enhanced_status
from function_app.notices.news import News
from handoff.dead_letters import DeadLetter, DeadLetters
from handoff.ids import time_of
from handoff.octets import with_crlf
from handoff.storage import Storage
from handoff.ticket import BadTicket, Ticket, decode

_MOST_TO_READ = 256 * 1024
_LONGEST_REASON = 1_000
_EMPTY = 416


@dataclass(frozen=True)
class DeadMail:
    notice: Notice
    code: str
    reason: str
    at: datetime
    ticket: Ticket | None
    """None when nobody can read it."""


@dataclass(frozen=True)
class Header:
    fields: tuple[Field, ...]
    is_whole: bool
    """False: nobody knows what else it says."""


def find(notice: Notice, storage: Storage) -> DeadMail | None:
    """The mail of `notice`; None when somebody has taken its dead letter away."""
    letter = DeadLetters(storage.dead_letters).find(notice.id)
    if letter is None:
        return None
    # Of what is no ticket the reason quotes what may be as long as a queue message.
    reason = letter.reason[:_LONGEST_REASON]
    return DeadMail(notice, letter.code, reason, letter.kept_at, _ticket_of(letter))


def header_of(mail_id: str, storage: Storage) -> Header | None:
    """The header of a dead mail; None when its content is lost."""
    try:
        blob = storage.dead_letters.download_blob(
            f"{mail_id}.eml", offset=0, length=_MOST_TO_READ + 1
        )
    except ResourceNotFoundError:
        return None
    except HttpResponseError as fault:
        if fault.status_code != _EMPTY:  # there is no first octet
            raise
        return Header((), is_whole=True)
    octets = blob.readall()
    try:
        fields, body = split(with_crlf(octets))
    except HeaderTooLarge:
        return Header((), is_whole=False)
    return Header(tuple(fields), is_whole=len(body) > 0 or len(octets) <= _MOST_TO_READ)


def news_of(mail: DeadMail) -> News:
    """Pure."""
    ticket = mail.ticket
    return News(
        id=mail.notice.key,
        event="dead",
        at=mail.at,
        since=mail.at if ticket is None else time_of(ticket.id),
        about=mail.notice.id,
        code=mail.code,
        origin=ticket.device if ticket else "",
        text=f"Mail {mail.notice.id} was not sent: {mail.reason}",
        details={
            "mail": mail.notice.id,
            "generation": mail.notice.generation,
            "site": ticket.site if ticket else "",
            "device": ticket.device if ticket else "",
            "mailbox": ticket.send_as.mailbox if ticket else "",
            "recipients": len(ticket.envelope.forward_paths) if ticket else 0,
            "code": mail.code,
            "status": enhanced_status(mail.code),
            "reason": mail.reason,
        },
    )


def _ticket_of(letter: DeadLetter) -> Ticket | None:
    try:
        return decode(letter.ticket)
    except BadTicket:
        return None
