"""Make a header name exactly the recipients of the envelope. Pure.

Resent-To and Resent-Cc stay: they tell a history, and Graph sends to To, Cc and Bcc alone.
"""

from function_app.mime.addresses import (
    AddressList,
    Mailbox,
    normal,
    read_addresses,
    written,
)
from function_app.mime.body import TELLS_RECIPIENTS
from function_app.mime.fields import Field, a_list_field

_MOST_TO_READ = 160 * 1024
_UNREAD = AddressList([], is_well_formed=False)


def with_recipients(fields: list[Field], recipients: tuple[str, ...]) -> list[Field]:
    """To and Cc keep whom `recipients` confirms, Bcc gets all others. Raises Unwritable.

    A field that names nobody else stays as it is; one that names nobody of them goes, and
    `undisclosed-recipients:;` with it.
    """
    unnamed = {normal(path): path for path in recipients}
    confirmed = frozenset(unnamed)
    left = _MOST_TO_READ
    kept: list[Field] = []
    for field in fields:
        if field.name in TELLS_RECIPIENTS:
            continue
        if field.name not in ("to", "cc"):
            kept.append(field)
            continue
        left -= len(field.raw)
        named = read_addresses(field.value) if left >= 0 else _UNREAD
        right = [mailbox for mailbox in named.mailboxes if normal(mailbox.address) in confirmed]
        if right:
            kept.append(_naming(field, named, right))
        for mailbox in right:
            unnamed.pop(normal(mailbox.address), None)
    return [*kept, *_bcc(list(unnamed.values()))]


def each_once(forward_paths: tuple[str, ...]) -> tuple[str, ...]:
    """The paths without those that are another spelling of an earlier one."""
    return tuple({normal(path): path for path in reversed(forward_paths)}.values())[::-1]


def _naming(field: Field, named: AddressList, right: list[Mailbox]) -> Field:
    if named.is_well_formed and len(right) == len(named.mailboxes):
        return field
    once = {normal(mailbox.address): mailbox.raw for mailbox in reversed(right)}
    return a_list_field(field.name.capitalize(), list(once.values())[::-1])


def _bcc(paths: list[str]) -> list[Field]:
    return [a_list_field("Bcc", [written(path) for path in paths])] if paths else []
