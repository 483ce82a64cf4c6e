"""Mail that the relay sends itself: an ordinary ticket, with a null reverse-path.

It takes the road of every other mail, from the queue on; so it is sent once though it be put
there twice, it waits when its mailbox is throttled, and when it dies it is kept.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from function_app.mime.addresses import is_writable
from handoff.content import put_inline
from handoff.ids import blob_name_of
from handoff.names import OWN_DEVICE
from handoff.storage import Storage
from handoff.ticket import FOREVER, Content, Envelope, SendAs, Ticket, encode

_OF_THE_MAILBOX = frozenset(
    {
        "ErrorInvalidUser",
        "Request_ResourceNotFound",
        "ResourceNotFound",
        "MailboxNotHostedInExchangeOnline",
        "MailboxNotSupportedForRESTAPI",
    }
)
"""Codes of a mailbox that will never send anything."""
_UNKNOWN_IDENTITY = "unknown-identity"


@dataclass(frozen=True)
class OwnMail:
    id: str
    to: str
    send_as: SendAs
    octets: bytes
    """The same at each telling: a blob is named by the id."""


def way_of(dead: SendAs | None, code: str, mailbox: str) -> SendAs | None:
    """How a notice of a mail that died of `code` is sent; None when there is no way. Pure.

    `mailbox` is the one that the settings name, or "".
    """
    if dead is None or code == _UNKNOWN_IDENTITY:
        return way_from(mailbox)
    # A client's own credential opens no other mailbox than its own.
    ours = dead.mailbox if dead.sealed or not mailbox else mailbox
    if not is_writable(ours) or (code in _OF_THE_MAILBOX and ours == dead.mailbox):
        return None
    return dead.model_copy(update={"mailbox": ours, "from_policy": "rewrite"})


def way_from(mailbox: str) -> SendAs | None:
    """How a notice is sent that belongs to no mail. Pure."""
    return SendAs(mailbox=mailbox) if mailbox else None


def ticket_of(mail: OwnMail, now: datetime) -> Ticket:
    """The ticket of `mail`, with its content in a blob. Pure."""
    return Ticket(
        v=1,
        kind="mail",
        id=mail.id,
        device=OWN_DEVICE,
        received_at=now,
        envelope=Envelope(
            reverse_path="", forward_paths=(mail.to,), smtputf8=not mail.to.isascii()
        ),
        send_as=mail.send_as,
        content=Content(
            size=len(mail.octets),
            sha256=hashlib.sha256(mail.octets).hexdigest(),
            blob=blob_name_of(mail.id),
        ),
    )


def send(mail: OwnMail, storage: Storage, now: datetime) -> None:
    """Put `mail` into the queue. Faults of the storage account pass through."""
    ticket = ticket_of(mail, now)
    filled = put_inline(ticket, mail.octets)
    if filled is None:
        storage.mail.upload_blob(blob_name_of(mail.id), mail.octets, overwrite=True)
    storage.outbound.send_message(encode(filled or ticket), time_to_live=FOREVER)
