"""Which mailboxes there are, and who may send as whom. Pure."""

from collections.abc import Iterable

from local.graph_simulator.errors import GraphError, access_denied, send_as_denied
from local.graph_simulator.rules import Rules


def mailbox_named(rules: Rules, name: str) -> str:
    """The user principal name for what stands in an address of Graph: that name, or an id."""
    return rules.object_ids.get(name, name)


def check_mailbox(rules: Rules, mailbox: str) -> None:
    """Raises GraphError unless it exists and may be used."""
    local_part, _, domain = mailbox.rpartition("@")
    is_known = local_part and _is_among(domain, rules.domains)
    if not is_known or _is_among(mailbox, (*rules.aliases, *rules.missing)):
        raise GraphError(404, "ErrorInvalidUser", f"The requested user '{mailbox}' is invalid.")
    if _is_among(mailbox, rules.soft_deleted):
        raise GraphError(
            404,
            "MailboxNotEnabledForRESTAPI",
            "The mailbox is either inactive, soft-deleted, or is hosted on-premise.",
        )
    if _is_among(mailbox, rules.excluded):
        raise access_denied("Access to OData is disabled.")


def check_authors(rules: Rules, mailbox: str, authors: Iterable[tuple[str, str]]) -> None:
    """Raises GraphError unless the mailbox may send for all these names and addresses."""
    allowed = [mailbox]
    for owner, others in rules.send_as.items():
        if owner.casefold() == mailbox.casefold():
            allowed += others
    for name, address in authors:
        # Users report that Exchange takes a display name with an @ for another sender.
        if "@" in name or not _is_among(address, allowed):
            raise send_as_denied()


def _is_among(name: str, names: Iterable[str]) -> bool:
    return name.casefold() in {known.casefold() for known in names}
