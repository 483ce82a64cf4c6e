"""What Graph reads out of a mail's header, and what it does to the octets. Pure."""

import re
from dataclasses import dataclass
from email.header import decode_header, make_header
from email.parser import HeaderParser
from email.utils import getaddresses

_END_OF_HEADER = re.compile(rb"(?:\A|(?<=\n))\r?\n")
_FIELD = re.compile(rb"[!-9;-~]+[ \t]*:")
_BARE_LF = re.compile(rb"(?<!\r)\n")
_SOFT_BREAK = re.compile(rb"=\n")
_BCC = re.compile(rb"(?im)^bcc[ \t]*:.*(?:\n[ \t].*)*(?:\n|\Z)")


@dataclass(frozen=True)
class Header:
    """The part of a header that decides."""

    authors: list[tuple[str, str]]
    """Display name and address of each in From."""
    to: list[str]
    cc: list[str]
    bcc: list[str]
    invalid: list[str]
    """What stands among the recipients and is no address."""
    message_id: str
    subject: str


def begins_with_header(mime: bytes) -> bool:
    return _FIELD.match(mime) is not None


def read_header(mime: bytes) -> Header:
    head = mime[: _end_of_header(mime)].decode("utf-8", "surrogateescape")
    message = HeaderParser().parsestr(head)

    def named(field: str) -> list[tuple[str, str]]:
        found = getaddresses([str(value) for value in message.get_all(field, [])])
        return [(_decoded(name), address) for name, address in found if name or address]

    recipients = {field: [address for _, address in named(field)] for field in ("To", "Cc", "Bcc")}
    return Header(
        authors=named("From"),
        to=[address for address in recipients["To"] if is_address(address)],
        cc=[address for address in recipients["Cc"] if is_address(address)],
        bcc=[address for address in recipients["Bcc"] if is_address(address)],
        invalid=[
            address
            for addresses in recipients.values()
            for address in addresses
            if not is_address(address)
        ],
        message_id=str(message.get("Message-ID", "")).strip(),
        subject=_decoded(str(message.get("Subject", ""))),
    )


def is_address(text: str) -> bool:
    local_part, _, domain = text.rpartition("@")
    return bool(local_part and domain) and not re.search(r"\s", domain)


def without_bcc(mime: bytes) -> bytes:
    """The copy that a recipient gets. Resent-Bcc and the like stay: Graph knows no resending."""
    end = _end_of_header(mime)
    return _BCC.sub(b"", mime[:end]) + mime[end:]


def has_bare_lf(mime: bytes) -> bool:
    return _BARE_LF.search(mime) is not None


def mangled(mime: bytes) -> bytes:
    """What has been seen to become of quoted-printable text with bare line feeds."""
    return _SOFT_BREAK.sub(b"=", mime)


def _end_of_header(mime: bytes) -> int:
    found = _END_OF_HEADER.search(mime)
    return found.start() if found else len(mime)


def _decoded(text: str) -> str:
    try:
        return str(make_header(decode_header(text)))
    except (ValueError, LookupError):
        return text
