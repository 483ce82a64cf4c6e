"""One mail on a session: MAIL, RCPT, DATA, and what the replies make of each recipient.

The moment that counts is the line with the single dot. Before it is on its way the server has
nothing, whatever happens; from then on only its answer tells.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Literal

from function_app.compose import Letter
from function_app.outcome import TOO_LARGE, Deferred, Divided, Outcome, Rejected, Sent
from function_app.providers.smarthost.replies import Reply, on_content, on_recipient, on_sender
from function_app.providers.smarthost.session import Session
from function_app.providers.smarthost.wire import Broken
from handoff.octets import pieces_of

_END_SECONDS = 120.0
"""For the answer to the whole content, while which the server may write, scan, or ask another."""
_LAST_WORDS_SECONDS = 5.0
_DOT_AT_START = re.compile(rb"(?<=\r\n)\.")

NO_8BIT = Rejected(
    "no-8bitmime",
    "The mail has octets above 127 and the smarthost does not offer 8BITMIME. Let the device send "
    "base64, or use another smarthost.",
)
NO_UTF8 = Rejected(
    "no-smtputf8",
    "An address or a header field is not in ASCII and the smarthost does not offer SMTPUTF8. "
    "Correct the address, or use another smarthost.",
)


def hand_over(session: Session, letter: Letter) -> Outcome | Divided:
    """Offer `letter` to the server. Raises Broken when it surely has nothing."""
    need = _needs(letter)
    refusal = _refusal(session, letter, need)
    if refusal is not None:
        return refusal
    reply = session.command(_mail(session, letter, need))
    if not reply.is_good:
        return on_sender(reply)
    lines = [f"RCPT TO:<{path}>" for path in letter.forward_paths]
    replies = zip(letter.forward_paths, session.commands(lines), strict=True)
    refused: dict[str, Outcome] = {
        path: on_recipient(reply) for path, reply in replies if not reply.is_good
    }
    taken = [path for path in letter.forward_paths if path not in refused]
    if not taken:
        return _united(refused)
    outcome = _content(session, letter)
    return _united(refused | dict.fromkeys(taken, outcome)) if refused else outcome


def in_doubt(how: str) -> Deferred:
    return Deferred(
        "no-answer",
        f"The smarthost took the whole mail and gave no answer: {how}.",
        unsure=True,
    )


def stuffed(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """`pieces` of a mail with a second dot where a line begins with one (RFC 5321 §4.5.2)."""
    last = b"\r\n"
    for piece in pieces:
        # Two octets of the piece before show whether this one begins a line.
        joined = _DOT_AT_START.sub(b"..", last + piece)
        yield joined[len(last) :]
        last = (last + piece)[-2:]
    if last != b"\r\n":
        yield b"\r\n"


def _united(outcomes: dict[str, Outcome]) -> Outcome | Divided:
    different = set(outcomes.values())
    return different.pop() if len(different) == 1 else Divided(outcomes)


Need = Literal["utf8", "8bit", "nothing"]


def _needs(letter: Letter) -> Need:
    addresses = (letter.reverse_path, *letter.forward_paths)
    header_is_ascii = all(field.raw.isascii() for field in letter.fields)
    if not header_is_ascii or not all(map(str.isascii, addresses)):
        return "utf8"
    return "nothing" if all(piece.isascii() for piece in pieces_of(letter.body)) else "8bit"


def _refusal(session: Session, letter: Letter, need: Need) -> Rejected | None:
    if need == "utf8" and "smtputf8" not in session.extensions:
        return NO_UTF8
    if need != "nothing" and "8bitmime" not in session.extensions:
        return NO_8BIT
    limit = session.size_limit
    if 0 < limit < letter.size:
        return Rejected(
            TOO_LARGE,
            f"The mail has {letter.size:,} octets; the smarthost takes {limit:,}. "
            "Send less in one mail.",
        )
    return None


def _mail(session: Session, letter: Letter, need: Need) -> str:
    line = f"MAIL FROM:<{letter.reverse_path}>"
    if "size" in session.extensions:
        line += f" SIZE={letter.size}"
    if need != "nothing":
        line += " BODY=8BITMIME"
    return line + (" SMTPUTF8" if need == "utf8" else "")


def _content(session: Session, letter: Letter) -> Outcome:
    reply = session.command("DATA")
    if reply.code != 354:
        return on_content(reply)
    try:
        for piece in stuffed(letter.pieces()):
            session.wire.send(piece)
    except Broken:
        # A server that has had enough says so and hangs up.
        return on_content(session.wire.reply(_LAST_WORDS_SECONDS))
    try:
        session.wire.send(b".\r\n")
        reply = session.wire.reply(_END_SECONDS)
    except Broken as fault:
        return in_doubt(str(fault))
    return Sent("smarthost", _said_id(reply)) if reply.is_good else on_content(reply)


def _said_id(reply: Reply) -> str:
    """What the server says of the mail: most name the id under which they have queued it."""
    return " ".join(reply.text.split())[:200]
