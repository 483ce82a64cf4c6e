"""The mails that people get: made of our own sentences by the standard library. Pure."""

import textwrap
from collections.abc import Iterable
from datetime import UTC, datetime
from email.header import Header
from email.message import Message
from email.mime.text import MIMEText
from email.utils import format_datetime
from typing import Literal

from function_app.mime.addresses import normal, written
from function_app.mime.fields import a_field
from function_app.notices.news import FIRST_ONES, Digest, News

_WIDTH = 72
_LONGEST_SUBJECT = 120
_MOST_NAMED = 20
_DO_NOT_ANSWER = "This mail was written by the relay itself; nobody reads an answer to it."

Automatic = Literal["auto-replied", "auto-generated"]
"""RFC 3834 §5: about somebody's mail, or about nothing that he sent."""


def letter(
    body: Message,
    *,
    id_: str,
    mailbox: str,
    to: str,
    subject: str,
    moment: datetime,
    automatic: Automatic,
) -> bytes:
    """The octets of a mail with `body`, a part of the standard library's email package."""
    fields = (
        a_field("From", b"Mail relay <" + written(mailbox) + b">"),
        a_field("To", written(to)),
        a_field("Subject", _encoded(subject)),
        a_field("Date", format_datetime(moment.astimezone(UTC))),
        a_field("Message-ID", f"<{id_}@{domain_of(mailbox)}>"),
        a_field("Auto-Submitted", automatic),
        # Graph sends in the name of the mailbox, so that the null reverse-path stops no answer.
        # Exchange has a field of its own for that (MS-OXCMAIL, PidTagAutoResponseSuppress).
        a_field("X-Auto-Response-Suppress", "All"),
    )
    for part in body.walk():
        if part is not body:
            del part["MIME-Version"]  # RFC 2045 §4: it belongs to the whole mail
    octets = body.as_bytes(policy=body.policy.clone(linesep="\r\n"))
    return b"".join(field.raw for field in fields) + octets


def domain_of(mailbox: str) -> str:
    """The domain of `mailbox` in ASCII, as protocols want it."""
    return normal(mailbox).rpartition("@")[2]


def plain(text: str) -> MIMEText:
    """A part with `text`. Its lines end in CRLF under base64 too (RFC 2046 §4.1.1)."""
    return MIMEText(text.replace("\n", "\r\n"), "plain", "us-ascii" if text.isascii() else "utf-8")


def on_news(news: News) -> tuple[str, str]:
    """Subject and text of the mail that tells an operator of one thing."""
    what = {"dead": "Mail not sent", "alarm": "Alarm", "alarm-over": "Alarm over"}[news.event]
    where = f" ({news.origin})" if news.origin else ""
    facts = {name: str(value) for name, value in news.details.items() if name != "reason"}
    return f"{what}: {news.code}{where}", paragraphs(
        f"{what}, {moment_of(news.at)}.",
        facts_of(facts),
        wrapped(str(news.details.get("reason", ""))),
        wrapped(_WHAT_TO_DO[news.event]),
        _DO_NOT_ANSWER,
    )


def on_digest(digest: Digest) -> tuple[str, str]:
    """Subject and text of the mail that tells of many things at once."""
    named = "\n".join(f"  {one.event}  {one.about}  {one.code}" for one in digest.news[:FIRST_ONES])
    return f"{len(digest.news)} notices: {digest.text}"[:_LONGEST_SUBJECT], paragraphs(
        wrapped(
            f"{digest.text} They came too fast to tell each in a mail of its own, "
            f"up to {moment_of(digest.at)}."
        ),
        "By reason:\n" + facts_of(_as_text(digest.codes)),
        "By device, mailbox or identity:\n" + facts_of(_as_text(digest.origins)),
        "The first of them:\n" + named,
        wrapped(_WHAT_TO_DO["dead"]),
        _DO_NOT_ANSWER,
    )


_WHAT_TO_DO = {
    "dead": (
        "A dead mail is kept in the container dead-letters, under its id, until somebody puts it "
        "back into the queue or discards it. Remove the cause first."
    ),
    "alarm": (
        "Mail waits until an administrator has repaired this. It is tried again by itself, up to "
        "RELAY_GIVE_UP_AFTER; what is older then becomes a dead letter."
    ),
    "alarm-over": "Mail is sent again. What waited follows by itself.",
}


def paragraphs(*texts: str) -> str:
    return "\n\n".join(text for text in texts if text) + "\n"


def wrapped(text: str) -> str:
    return textwrap.fill(text, _WIDTH, break_long_words=False, break_on_hyphens=False)


def facts_of(facts: dict[str, str]) -> str:
    """Lines of name and value; empty values are left out, and most of very many."""
    known = [(name, one_line(value)) for name, value in facts.items() if value]
    width = max((len(name) for name, _ in known[:_MOST_NAMED]), default=0)
    lines = [f"  {name:<{width}}  {value}" for name, value in known[:_MOST_NAMED]]
    if len(known) > _MOST_NAMED:
        lines.append(f"  and {len(known) - _MOST_NAMED} more")
    return "\n".join(lines)


def one_line(text: str) -> str:
    """`text` without anything that could begin a line or be no character."""
    whole = text.encode("utf-8", "replace").decode("utf-8")
    return " ".join("".join(c if c.isprintable() else " " for c in whole).split())


def moment_of(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _as_text(counts: dict[str, int]) -> dict[str, str]:
    return {name: str(count) for name, count in counts.items()}


def _encoded(subject: str) -> str:
    text = one_line(subject)[:_LONGEST_SUBJECT]
    return text if text.isascii() else Header(text, "utf-8").encode(linesep="")


def named(values: Iterable[str], most: int) -> str:
    """The first of `values`, and how many more there are."""
    known = list(values)
    more = f" and {len(known) - most} more" if len(known) > most else ""
    return ", ".join(known[:most]) + more
