"""What Graph reads out of a mail's header, and what it does to the octets. Pure."""

import re
from dataclasses import dataclass
from email import message_from_bytes
from email.header import decode_header, make_header
from email.utils import getaddresses

_BARE_LF = re.compile(rb"(?<!\r)\n")
_SOFT_BREAK = re.compile(rb"=\n")
_BCC = re.compile(rb"(?mi)^(?:bcc|resent-bcc)[ \t]*:[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*\r?\n")


@dataclass(frozen=True)
class Header:
    """The part of a header that decides."""

    from_address: str
    from_name: str
    recipients: list[str]
    """To, Cc and Bcc, each address once."""
    message_id: str
    subject: str


def read_header(mime: bytes) -> Header:
    head, _, _ = mime.partition(b"\r\n\r\n")
    message = message_from_bytes(head + b"\r\n\r\n")
    named = [str(value) for name in ("To", "Cc", "Bcc") for value in message.get_all(name, [])]
    recipients = {
        address.casefold(): address for _, address in getaddresses(named) if "@" in address
    }
    author = getaddresses([str(value) for value in message.get_all("From", [])][:1])
    name, address = author[0] if author else ("", "")
    return Header(
        from_address=address,
        from_name=name,
        recipients=list(recipients.values()),
        message_id=str(message.get("Message-ID", "")).strip(),
        subject=_decoded(str(message.get("Subject", ""))),
    )


def without_bcc(mime: bytes) -> bytes:
    """The copy that a recipient gets."""
    head, gap, body = mime.partition(b"\r\n\r\n")
    return _BCC.sub(b"", head + b"\r\n")[:-2] + gap + body


def has_bare_lf(mime: bytes) -> bool:
    return _BARE_LF.search(mime) is not None


def mangled(mime: bytes) -> bytes:
    """What has been seen to become of quoted-printable text with bare line feeds."""
    return _SOFT_BREAK.sub(b"=", mime)


def _decoded(subject: str) -> str:
    try:
        return str(make_header(decode_header(subject)))
    except (ValueError, LookupError):
        return subject
