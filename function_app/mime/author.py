"""Make a header tell who sends: the mailbox, or whom it may speak for. Pure."""

from typing import Literal

from function_app.mime.addresses import Mailbox, read_addresses, same_address, written
from function_app.mime.encoded import with_words_decoded
from function_app.mime.fields import Field, a_field, a_list_field, first, renamed, replaced

_LONGEST_TO_READ = 16 * 1024
_ORIGINAL = "X-Original-From"


class ForeignAuthor(Exception):
    """From names somebody else than the mailbox, and the policy is to reject that."""

    def __init__(self, addresses: list[str]) -> None:
        super().__init__(addresses)
        self.addresses = addresses


def with_author(
    fields: list[Field], mailbox: str, policy: Literal["rewrite", "keep", "reject"]
) -> list[Field]:
    """Apply `policy`. A From that cannot be read counts as missing: then the mailbox is the author.

    Raises ForeignAuthor, and Unwritable for the mailbox.
    """
    field = first(fields, "from")
    authors = _authors(field)
    if field is None:
        fields = [_spelled(None, mailbox), *fields]
    elif not authors:
        fields = _kept_aside(replaced(fields, "from", _spelled(None, mailbox)), field)
    elif policy == "keep":
        return _kept(fields, field, authors, mailbox)
    elif all(same_address(author.address, mailbox) for author in authors):
        fields = replaced(fields, "from", _safe(field, authors[0]))
    elif policy == "reject":
        raise ForeignAuthor([author.address for author in authors])
    else:
        fields = _rewritten(fields, field, authors, mailbox)
    return fields if policy == "keep" else _without_other_sender(fields, mailbox)


def _authors(field: Field | None) -> list[Mailbox]:
    if field is None or len(field.raw) > _LONGEST_TO_READ:
        return []
    return read_addresses(field.value).mailboxes


def _kept(fields: list[Field], field: Field, authors: list[Mailbox], mailbox: str) -> list[Field]:
    """One author stays. Of several Exchange takes the first (MS-OXCMAIL), or none."""
    ours = (author for author in authors if same_address(author.address, mailbox))
    author = next(ours, authors[0])
    if len(authors) == 1:
        return replaced(fields, "from", _safe(field, author))
    return _kept_aside(replaced(fields, "from", _spelled(author, author.address)), field)


def _rewritten(
    fields: list[Field], field: Field, authors: list[Mailbox], mailbox: str
) -> list[Field]:
    """From becomes the mailbox; who stood there gets the replies, unless they go elsewhere."""
    ours = _spelled(authors[0], mailbox)
    fields = replaced(fields, "from", ours)
    if _authors(first(fields, "reply-to")):
        return _kept_aside(fields, field)
    fields = [other for other in fields if other.name != "reply-to"]
    at = fields.index(ours) + 1
    reply_to = a_list_field("Reply-To", [author.raw for author in authors])
    return [*fields[:at], reply_to, *fields[at:]]


def _kept_aside(fields: list[Field], field: Field) -> list[Field]:
    return [*fields, renamed(field, _ORIGINAL)] if field.value else fields


def _without_other_sender(fields: list[Field], mailbox: str) -> list[Field]:
    """Sender is the mailbox, or goes: another one needs rights that the mailbox may not have."""
    senders = _authors(first(fields, "sender"))
    if len(senders) == 1 and same_address(senders[0].address, mailbox):
        return fields
    return [field for field in fields if field.name != "sender"]


def _safe(field: Field, author: Mailbox) -> Field:
    is_clear = author.raw == field.value and not _speaks_of_another(author.display_name)
    return field if is_clear else _spelled(author, author.address)


def _spelled(author: Mailbox | None, address: str) -> Field:
    name = author.display_name if author else b""
    spec = written(address)
    if not name or _speaks_of_another(name):
        return a_field("From", spec)
    return a_field("From", name + b" <" + spec + b">")


def _speaks_of_another(display_name: bytes) -> bool:
    # Exchange takes a display name with an @ for another sender, and answers ErrorSendAsDenied:
    # https://github.com/SMTP2Graph/SMTP2Graph/issues/28
    return b"@" in with_words_decoded(display_name)
