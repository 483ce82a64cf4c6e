"""What other programs read in a report."""

from email import message_from_bytes
from email.message import Message


def failed_recipients(octets: bytes) -> list[tuple[str, str]]:
    """What a program finds that watches a mailbox for bounces: recipients and their status.

    As flufl.bounce, the detector of Mailman, does it: a multipart/report, if need be within a
    multipart/mixed; in its delivery-status every block but the first with an action "failed".
    """
    message: Message = message_from_bytes(octets)
    if message.get_content_type() == "multipart/mixed":
        message = message.get_payload(0)  # type: ignore[assignment]

    assert "multipart/report" == message.get_content_type()
    assert "delivery-status" == message.get_param("report-type")
    found = []
    for part in message.walk():
        if part.get_content_type() == "message/delivery-status":
            blocks: list[Message] = part.get_payload()  # type: ignore[assignment]
            for block in blocks[1:]:
                kind, _, address = str(block["Final-Recipient"]).partition(";")

                assert "failed" == block["Action"].lower()
                assert kind.strip() in ("rfc822", "utf-8")
                found.append((address.strip(), str(block["Status"])))
    return found


def part_of(octets: bytes, content_type: str) -> bytes:
    """The content of the first part of that type; blocks of a status count as text/plain."""
    parts = message_from_bytes(octets).walk()
    part = next(part for part in parts if part.get_content_type() == content_type)
    return bytes(part.get_payload(decode=True))
