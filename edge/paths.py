"""Read the argument of MAIL and RCPT: a path and its parameters. Pure.

Lenient in the form (RFC 5321 §4.1.2 as devices really write it: blanks around the colon, no
angle brackets, a name in front, a semicolon behind), strict in the address itself, because it
travels on in JSON, headers and logs.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from edge import replies
from edge.replies import Reply

_ARGUMENT = re.compile(
    r"\s*:\s*"
    r"(?:[^<>@\s]?[^<>@]*(?=<))?"  # a display name in front of the bracket
    r"(?:<(?P<bracketed>[^<>]*)>|(?P<bare>[^\s<>;]+));?"
    r"(?P<parameters>(?:\s.*)?)",
    re.DOTALL,
)
_SOURCE_ROUTE = re.compile(r"@[^:@]+(?:,@[^:@]+)*:")
_LOCAL_PART = re.compile(
    r"""[^\x00-\x20\x7f-\x9f\u2028\u2029"(),:;<>@\[\\\]]{1,64}"""
    r"""|"(?:[^\x00-\x1f\x7f-\x9f\u2028\u2029"\\]|\\[^\x00-\x1f\x7f-\x9f\u2028\u2029]){0,62}\""""
)
_ENCODED_WORD = re.compile(r"=\?[^?]*\?[BbQq]\?")
_BEYOND_ASCII = r"\u00a0-\u2027\u202a-\U0010ffff"
_LABEL = rf"(?:[A-Za-z0-9_{_BEYOND_ASCII}](?:[A-Za-z0-9_\-{_BEYOND_ASCII}]{{0,62}})?)"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?|\[[0-9A-Za-z:.]{{2,64}}\]")
_LONGEST = 254
_IGNORED = frozenset({"AUTH", "RET", "ENVID", "NOTIFY", "ORCPT", "MT-PRIORITY"})
_REMEMBERED = 1024
"""A device says the same few paths again and again."""


@dataclass(frozen=True)
class MailFrom:
    """What MAIL said."""

    reverse_path: str
    size: int = 0
    """Octets that the client announced (RFC 1870); 0 when it did not."""
    smtputf8: bool = False


@lru_cache(_REMEMBERED)
def read_mail(argument: str) -> MailFrom | Reply:
    """`argument` is what stands behind MAIL; undecodable octets are surrogates in it."""
    found = _split(argument, "FROM")
    if isinstance(found, Reply):
        return found
    path, parameters = found
    size = parameters.pop("SIZE", None) or "0"
    body = parameters.pop("BODY", None) or "7BIT"
    smtputf8 = parameters.pop("SMTPUTF8", "") is None
    if not (size.isascii() and size.isdigit() and len(size) <= 20):
        return replies.BAD_SYNTAX
    if body.upper() not in ("7BIT", "8BITMIME"):
        return replies.BAD_SYNTAX
    if parameters.keys() - _IGNORED:
        return replies.UNKNOWN_PARAMETER
    fault = check_address(path, smtputf8=smtputf8, needs_domain=False) if path else None
    return fault or MailFrom(path, int(size), smtputf8)


@lru_cache(_REMEMBERED)
def read_recipient(argument: str, *, smtputf8: bool) -> str | Reply:
    """The forward path of a RCPT command, without brackets and source route."""
    found = _split(argument, "TO")
    if isinstance(found, Reply):
        return found
    path, parameters = found
    if parameters.keys() - _IGNORED:
        return replies.UNKNOWN_PARAMETER
    return check_address(path, smtputf8=smtputf8, needs_domain=True) or path


def check_address(address: str, *, smtputf8: bool, needs_domain: bool) -> Reply | None:
    """Whether `address` is one that this relay takes; a sender may lack its domain."""
    if not address.isascii():
        if not _is_unicode(address):
            return replies.BAD_ADDRESS
        if not smtputf8:
            return replies.NEED_SMTPUTF8
    local_part, at, domain = address.rpartition("@")
    if not at:
        local_part, domain = address, ""
    if _ENCODED_WORD.search(local_part):
        # In a header it could be read as another address (RFC 2047 §5 forbids it there).
        return replies.BAD_ADDRESS
    if len(address) > _LONGEST or not _LOCAL_PART.fullmatch(local_part):
        return replies.BAD_ADDRESS
    if domain and _DOMAIN.fullmatch(domain):
        return None
    return replies.BAD_ADDRESS if at or needs_domain else None


def _split(argument: str, keyword: str) -> tuple[str, dict[str, str | None]] | Reply:
    if argument[: len(keyword)].upper() != keyword:
        return replies.BAD_SYNTAX
    found = _ARGUMENT.fullmatch(argument, len(keyword))
    if found is None:
        return replies.BAD_SYNTAX
    path = found["bracketed"] if found["bracketed"] is not None else found["bare"]
    path = _SOURCE_ROUTE.sub("", path.strip(), count=1)
    parameters = {}
    for word in found["parameters"].split():
        name, equals, value = word.partition("=")
        parameters[name.upper()] = value if equals else None
    return path, parameters


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)
