"""Where a mail's octets travel: inside its ticket when they fit, else in a blob of their own."""

import hashlib
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from tempfile import TemporaryFile
from typing import IO

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import ContainerClient

from handoff.octets import FileOctets, Octets, pieces_with_crlf
from handoff.ticket import MAX_TICKET_BYTES, Content, Ticket, encode

MOST_IN_MEMORY = 4 * 1024 * 1024
"""A mail above it is kept in a file while it is worked on."""


class ContentLost(Exception):
    """The octets are gone, or are not those that were accepted. They do not come back."""


class NoRoom(Exception):
    """There is no room for a temporary file. The text says why."""


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


@contextmanager
def open_content(content: Content, mail: ContainerClient) -> Iterator[Octets]:
    """The octets of a mail, proved by their hash: bytes if they are few, else in a file.

    In the file every line ends in CRLF; it has no name, and is gone with the context. Raises
    ContentLost and NoRoom; an error of the storage account itself passes through, as it will heal.
    """
    if content.size <= MOST_IN_MEMORY:
        yield read_content(content, mail)
        return
    with _temporary_file() as file:
        size = _written(pieces_with_crlf(_proved(content, mail)), file)
        yield FileOctets(file.fileno(), size)


def read_content(content: Content, mail: ContainerClient) -> bytes:
    """The octets of a mail, whole, proved by their hash. Raises ContentLost."""
    return b"".join(_proved(content, mail))


def original_pieces(content: Content, mail: ContainerClient) -> Iterator[bytes]:
    """The octets as they lie there, right or not, in pieces that are small enough for memory.

    Raises ContentLost, before the first piece, when there are none.
    """
    if content.mime is None:
        yield from _blob_pieces(content, mail)
        return
    try:
        yield b64decode(content.mime, validate=True)
    except Base64Error as error:
        raise ContentLost("the content inside the ticket is no base64") from error


def drop_content(content: Content, mail: ContainerClient) -> None:
    """Remove the blob of a mail that needs it no more. Already gone is fine."""
    if content.blob is not None:
        try:
            mail.delete_blob(content.blob)
        except ResourceNotFoundError:
            return


def _proved(content: Content, mail: ContainerClient) -> Iterator[bytes]:
    """The pieces; at their end, ContentLost unless they are those that were accepted."""
    size, hashed = 0, hashlib.sha256()
    for piece in original_pieces(content, mail):
        size += len(piece)
        if size > content.size:
            break
        hashed.update(piece)
        yield piece
    if size != content.size or hashed.hexdigest() != content.sha256:
        raise ContentLost(
            f"the content does not match its hash (octets {size:,} of {content.size:,})"
        )


def _blob_pieces(content: Content, mail: ContainerClient) -> Iterator[bytes]:
    try:
        yield from mail.download_blob(str(content.blob)).chunks()
    except ResourceNotFoundError as error:
        raise ContentLost(f"blob {content.blob} is gone") from error


@contextmanager
def _temporary_file() -> Iterator[IO[bytes]]:
    try:
        file = TemporaryFile(buffering=0)  # noqa: SIM115  its faults are not those of the body
    except OSError as error:
        raise NoRoom(f"{error.strerror}") from error
    with file:
        yield file


def _written(pieces: Iterable[bytes], file: IO[bytes]) -> int:
    size = 0
    for piece in pieces:
        try:
            # A file without a buffer may take less than it is given.
            while piece:
                done = file.write(piece)
                size += done
                piece = piece[done:]
        except OSError as error:
            raise NoRoom(f"{error.strerror}") from error
    return size
