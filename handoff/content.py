"""Where a mail's octets travel: inside its ticket when they fit, else in a blob of their own."""

import hashlib
from base64 import b64decode, b64encode
from binascii import Error as Base64Error

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import ContainerClient

from handoff.ticket import MAX_TICKET_BYTES, Content, Ticket, encode


class ContentLost(Exception):
    """The octets are gone, or are not those that were accepted. They do not come back."""


def put_inline(ticket: Ticket, octets: bytes) -> Ticket | None:
    """`ticket` with `octets` inside, or None when the whole would not fit into a queue message."""
    if len(octets) * 4 // 3 > MAX_TICKET_BYTES:
        return None
    content = Content(
        size=ticket.content.size,
        sha256=ticket.content.sha256,
        mime=b64encode(octets).decode("ascii"),
    )
    filled = ticket.model_copy(update={"content": content})
    return filled if len(encode(filled)) <= MAX_TICKET_BYTES else None


def read_content(content: Content, mail: ContainerClient) -> bytes:
    """The octets of a mail, proved by their hash.

    Raises ContentLost; an error of the storage account itself passes through, as it will heal.
    """
    octets = (
        _inline_octets(content.mime) if content.mime is not None else _blob_octets(content, mail)
    )
    if len(octets) != content.size or hashlib.sha256(octets).hexdigest() != content.sha256:
        raise ContentLost(f"the content does not match its hash ({len(octets)} octets found)")
    return octets


def drop_content(content: Content, mail: ContainerClient) -> None:
    """Remove the blob of a mail that needs it no more. Already gone is fine."""
    if content.blob is not None:
        try:
            mail.delete_blob(content.blob)
        except ResourceNotFoundError:
            return


def _inline_octets(mime: str) -> bytes:
    try:
        return b64decode(mime, validate=True)
    except Base64Error as error:
        raise ContentLost("the content inside the ticket is no base64") from error


def _blob_octets(content: Content, mail: ContainerClient) -> bytes:
    try:
        return mail.download_blob(str(content.blob)).readall()
    except ResourceNotFoundError as error:
        raise ContentLost(f"blob {content.blob} is gone") from error
