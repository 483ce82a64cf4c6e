"""The settings of the notices: whom to tell, from which mailbox, by which webhook.

What is right is used even when something else is wrong, since wrong settings are themselves told
by what is right.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from function_app.key_vault import UNRESOLVED, is_unresolved
from function_app.loopback import is_loopback
from function_app.mime.addresses import is_writable, normal

_DOMAIN = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)+")


@dataclass(frozen=True)
class Endpoint:
    """Where the webhook is. Its address may hold a token, so it is a secret as well."""

    url: str = field(default="", repr=False)
    """ "" when the setting is wrong: what is to be posted waits."""
    secret: str = field(default="", repr=False)


@dataclass(frozen=True)
class NoticeSettings:
    operators: tuple[str, ...] = ()
    """Addresses that hear of every dead mail and every alarm."""
    domains: frozenset[str] = frozenset()
    """Those whose senders are told that their mail has died."""
    mailbox: str = ""
    """Which sends the notices; "" leaves it to the mailbox of the dead mail."""
    webhook: Endpoint | None = None
    is_right: bool = True
    """None of these settings is wrong: whoever is not among them shall not be told."""


def read_notices(env: Mapping[str, str], faults: list[str]) -> NoticeSettings:
    """The settings of `env`; adds to `faults` what is wrong."""
    own: list[str] = []
    settings = NoticeSettings(
        operators=_operators(env, own),
        domains=_domains(env, own),
        mailbox=_mailbox(env, own),
        webhook=_webhook(env, own),
        is_right=not own,
    )
    faults.extend(own)
    return settings


def _operators(env: Mapping[str, str], faults: list[str]) -> tuple[str, ...]:
    once: dict[str, str] = {}
    for address in _listed(env, "RELAY_NOTIFY"):
        if is_writable(address):
            once.setdefault(normal(address), address)
        else:
            faults.append(f'RELAY_NOTIFY: "{address}" is no address; write it@contoso.com.')
    return tuple(once.values())


def _domains(env: Mapping[str, str], faults: list[str]) -> frozenset[str]:
    domains = set()
    for text in _listed(env, "RELAY_NOTICE_DOMAINS"):
        domain = normal(f"x@{text}").removeprefix("x@")
        if _DOMAIN.fullmatch(domain):
            domains.add(domain)
        else:
            faults.append(f'RELAY_NOTICE_DOMAINS: "{text}" is no domain; write contoso.com.')
    return frozenset(domains)


def _mailbox(env: Mapping[str, str], faults: list[str]) -> str:
    address = env.get("RELAY_NOTICE_FROM", "")
    if not address or is_writable(address):
        return address
    faults.append("RELAY_NOTICE_FROM: this is no address; write that of one mailbox.")
    return ""


def _webhook(env: Mapping[str, str], faults: list[str]) -> Endpoint | None:
    # No value is quoted: the address may hold a token.
    url, secret = env.get("RELAY_NOTIFY_WEBHOOK", ""), env.get("RELAY_NOTIFY_WEBHOOK_SECRET", "")
    found = [f"RELAY_NOTIFY_WEBHOOK: {fault}" for fault in _faults_of_url(url)] if url else []
    if secret and not url:
        found.append("RELAY_NOTIFY_WEBHOOK: a secret is set; set the address too, or remove it.")
    if is_unresolved(secret):
        found.append(f"RELAY_NOTIFY_WEBHOOK_SECRET: {UNRESOLVED}")
    faults.extend(found)
    if not url:
        return None
    return Endpoint() if found else Endpoint(url, secret)


def _faults_of_url(text: str) -> Iterator[str]:
    try:
        url = urlsplit(text)
        is_address = bool(url.hostname) and url.port != 0 and text.isprintable() and " " not in text
    except ValueError:
        is_address = False
    if is_unresolved(text):
        yield UNRESOLVED
    elif not is_address or url.scheme not in ("http", "https"):
        yield "this is no web address; write https://host/path."
    elif url.scheme == "http" and not is_loopback(url):
        yield "it would be sent in clear; http:// is for loopback addresses only."
    elif url.username is not None:
        yield "put no user and password into the address; requests are signed with the secret."


def _listed(env: Mapping[str, str], name: str) -> Iterator[str]:
    for text in env.get(name, "").split(","):
        if text.strip():
            yield text.strip()
