"""Every reply that the edge gives over SMTP, by meaning.

Codes are those of RFC 5321 §4.2, enhanced codes those of RFC 3463 and RFC 5248. A reply tells
the client what it can act on and nothing about our inside; the cause goes to the log. 5yz only
where the same client sending the same again must fail again.
"""

import math
from functools import lru_cache
from typing import NamedTuple


class Reply(NamedTuple):
    """One answer. `enhanced` is "" where RFC 2034 asks for none (greeting, 334, 354, EHLO)."""

    code: int
    enhanced: str
    text: str

    def __bytes__(self) -> bytes:
        # The space behind the code stays where no text follows: s-nail ends the session at an
        # empty challenge without it (RFC 4954 §4).
        between = " " if self.enhanced and self.text else ""
        return f"{self.code} {self.enhanced}{between}{self.text}\r\n".encode("ascii")


READY_FOR_TLS = Reply(220, "2.0.0", "Ready to start TLS")
BYE = Reply(221, "2.0.0", "Bye")
SIGNED_IN = Reply(235, "2.7.0", "Authentication successful")
OK = Reply(250, "2.0.0", "Ok")
SENDER_OK = Reply(250, "2.1.0", "Ok")
RECIPIENT_OK = Reply(250, "2.1.5", "Ok")
CANNOT_VERIFY = Reply(252, "2.0.0", "Cannot verify, but will take mail for it")
HELP = Reply(214, "2.0.0", "See RFC 5321")
ASK_USERNAME = Reply(334, "", "VXNlcm5hbWU6")  # base64 of "Username:": what old devices wait for
ASK_PASSWORD = Reply(334, "", "UGFzc3dvcmQ6")
ASK_CREDENTIALS = Reply(334, "", "")
START_CONTENT = Reply(354, "", "End data with <CR><LF>.<CR><LF>")

SHUTTING_DOWN = Reply(421, "4.3.2", "Shutting down, try again later")
TOO_MANY_CONNECTIONS = Reply(421, "4.7.0", "Too many connections, try again later")
TOO_MANY_ERRORS = Reply(421, "4.7.0", "Too many errors")
TOO_MANY_COMMANDS = Reply(421, "4.7.0", "Too many commands without a mail")
TOO_MANY_SIGN_INS = Reply(421, "4.7.0", "Too many failed sign-ins, try again later")
IDLE_TOO_LONG = Reply(421, "4.4.2", "Idle for too long")
TRANSACTION_TOO_LONG = Reply(421, "4.4.2", "The transaction took too long")
INTERNAL_FAULT = Reply(451, "4.3.0", "Something went wrong here, try again later")
SPOOL_UNAVAILABLE = Reply(451, "4.3.0", "Cannot store mail now, try again later")
CANNOT_CHECK = Reply(454, "4.7.0", "Cannot check credentials now, try again later")
SPOOL_FULL = Reply(452, "4.3.1", "No space for mail now, try again later")
TOO_MANY_RECIPIENTS = Reply(452, "4.5.3", "Too many recipients, send the rest separately")

LINE_TOO_LONG = Reply(500, "5.5.2", "Command line too long")
UNKNOWN_COMMAND = Reply(500, "5.5.1", "Unknown command")
BAD_SYNTAX = Reply(501, "5.5.4", "Syntax error in parameters")
BAD_BASE64 = Reply(501, "5.5.2", "Cannot decode base64")
SIGN_IN_ABORTED = Reply(501, "5.7.0", "Authentication aborted")
NOT_OFFERED = Reply(502, "5.5.1", "Not offered here")
SAY_HELLO_FIRST = Reply(503, "5.5.1", "Send EHLO first")
NEED_MAIL = Reply(503, "5.5.1", "Send MAIL first")
NEED_RECIPIENT = Reply(503, "5.5.1", "Send RCPT first")
NOT_NOW = Reply(503, "5.5.1", "Not allowed at this point")
UNKNOWN_MECHANISM = Reply(504, "5.5.4", "Unknown authentication mechanism")
AUTH_REQUIRED = Reply(530, "5.7.0", "Authentication required")
STARTTLS_REQUIRED = Reply(530, "5.7.0", "Send STARTTLS first")
BAD_CREDENTIALS = Reply(535, "5.7.8", "Authentication failed")
ENCRYPTION_REQUIRED = Reply(538, "5.7.11", "Send STARTTLS before authenticating")
NO_RELAYING = Reply(550, "5.7.1", "Not allowed to relay")
NOTED_STRANGER = Reply(
    550, "5.7.1", "This device is not known here yet, it has been noted for the administrator"
)
RECIPIENT_REFUSED = Reply(550, "5.7.1", "Recipient not allowed for this device")
BARE_LINE_END = Reply(550, "5.6.0", "Bare CR or LF in the message, use CRLF")
SENDER_REFUSED = Reply(553, "5.7.1", "Sender not allowed for this device")
BAD_ADDRESS = Reply(553, "5.1.3", "Malformed address")
NEED_SMTPUTF8 = Reply(553, "5.6.7", "Non-ASCII address without SMTPUTF8")
UNKNOWN_PARAMETER = Reply(555, "5.5.4", "Unknown parameter")


@lru_cache(8)
def greeting(hostname: str) -> Reply:
    return Reply(220, "", f"{hostname} ESMTP")


@lru_cache(8)
def hello(hostname: str) -> Reply:
    return Reply(250, "", hostname)


@lru_cache(64)
def extended_hello(hostname: str, extensions: tuple[str, ...]) -> bytes:
    """The whole EHLO answer, to be written at once: some clients read it only once."""
    *middle, last = [hostname, *extensions]
    return b"".join(f"250-{line}\r\n".encode("ascii") for line in middle) + (
        f"250 {last}\r\n".encode("ascii")
    )


def queued(mail_id: str) -> Reply:
    return Reply(250, "2.0.0", f"Ok: queued as {mail_id}")


def chunk_taken(size: int) -> Reply:
    """`size` in octets."""
    return Reply(250, "2.0.0", f"{size} octets received")


def rate_exceeded(seconds: float) -> Reply:
    """`seconds` until the next mail would be taken."""
    return Reply(451, "4.7.1", f"Too much mail, try again in {math.ceil(seconds)} seconds")


def too_large(limit: int) -> Reply:
    """`limit` in bytes."""
    return Reply(552, "5.3.4", f"Message exceeds the limit of {limit} bytes")
