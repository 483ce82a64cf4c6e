"""Who may send what, from whom, to whom: pure functions over facts.

Each check answers with a Refusal, or None to go on. Nothing here knows of sockets, disks or clocks.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NamedTuple

from edge import replies
from edge.replies import Reply
from edge.settings import Device, LearningSettings, Limits, Listener

Address = IPv4Address | IPv6Address


class Refusal(NamedTuple):
    """No, and why: told to the client as `reply`, in logs and metrics as `rule`."""

    rule: str
    """The setting that decides, as docs/edge-settings.md names it, or what else stood against."""
    reply: Reply

    @property
    def is_limit(self) -> bool:
        """Whether it was too much, not wrong."""
        return self.rule == "devices[].rate" or self.rule.startswith("limits.")


UNKNOWN = Refusal("devices", replies.NO_RELAYING)


@dataclass(frozen=True)
class Client:
    """What is known about who is on the other side of a connection."""

    address: Address
    listener: Listener
    encrypted: bool
    device: Device | None
    """As found by login, else by network."""
    signed_in: bool


@lru_cache(1024)
def plain_address(text: str) -> Address:
    """What a socket calls its peer, without a zone; an IPv4-mapped address as the IPv4 one."""
    address = ip_address(text.partition("%")[0])
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def device_at(devices: tuple[Device, ...], address: Address) -> Device | None:
    """The device whose network holds `address`; the most specific network wins."""
    matches = [
        (network.prefixlen, device)
        for device in devices
        for network in device.networks
        if address in network
    ]
    return max(matches, key=lambda match: match[0])[1] if matches else None


def rule_that_let_in(client: Client) -> str:
    """The setting by which `client` was known, for whoever asks why later."""
    if client.device is None:
        return ""
    if client.signed_in:
        return "devices[].password_hash" if client.device.password_hash else "entra"
    holding = [network for network in client.device.networks if client.address in network]
    narrowest = max(holding, key=lambda network: network.prefixlen, default=None)
    return f"devices[].networks {narrowest}" if narrowest else ""


def device_named(devices: tuple[Device, ...], login: str) -> Device | None:
    """The device of a login: its name in any case, with or without a domain behind it."""
    name = login.strip().casefold()
    by_name = {device.name.casefold(): device for device in devices}
    return by_name.get(name) or by_name.get(name.partition("@")[0])


def check_sign_in(client: Client) -> Reply | None:
    """Whether AUTH may be tried now (RFC 4954 §4)."""
    if client.listener.auth == "off":
        return replies.NOT_OFFERED
    if client.signed_in:
        return replies.NOT_NOW
    if client.listener.profile == "strict" and not client.encrypted:
        return replies.ENCRYPTION_REQUIRED
    return None


def check_client(client: Client) -> Refusal | None:
    """Whether this client may send mail at all."""
    if (
        client.listener.tls == "starttls"
        and client.listener.profile == "strict"
        and not client.encrypted
    ):
        return Refusal("listeners[].tls", replies.STARTTLS_REQUIRED)
    if client.listener.auth == "required" and not client.signed_in:
        return Refusal("listeners[].auth", replies.AUTH_REQUIRED)
    if client.device is None:
        return UNKNOWN
    return None


def is_learning(learning: LearningSettings, address: Address, now: datetime) -> bool:
    """Whether a client that no device stands for is noted for the administrator."""
    return (
        learning.until is not None
        and now < learning.until
        and any(address in network for network in learning.networks)
    )


def check_reverse_path(
    device: Device, reverse_path: str, announced: int, limits: Limits
) -> Refusal | None:
    """`announced` is the size in octets that MAIL declared, 0 when it did not."""
    if announced > limits.message_size:
        return _too_large(limits)
    if not reverse_path:
        return None
    if device.allow_from:
        rule, allowed = "devices[].allow_from", (*device.allow_from, device.send_as)
    elif device.from_policy == "reject":
        rule, allowed = "devices[].from_policy", (device.send_as,)
    else:
        return None
    return None if _matches(reverse_path, allowed) else Refusal(rule, replies.SENDER_REFUSED)


def check_forward_path(
    device: Device, forward_path: str, taken: int, fits_ticket: bool, limits: Limits
) -> Refusal | None:
    """`taken` is how many forward paths the transaction has already."""
    if device.recipients and not _matches(forward_path, device.recipients):
        return Refusal("devices[].recipients", replies.RECIPIENT_REFUSED)
    if taken >= limits.recipients:
        return Refusal("limits.recipients", replies.TOO_MANY_RECIPIENTS)
    if not fits_ticket:
        return Refusal("ticket", replies.TOO_MANY_RECIPIENTS)
    return None


def check_content(
    size: int, has_bare_line_ends: bool, listener: Listener, limits: Limits
) -> Refusal | None:
    """`size` in octets, as it would be kept."""
    if size > limits.message_size:
        return _too_large(limits)
    if has_bare_line_ends and listener.profile == "strict":
        return Refusal("listeners[].profile", replies.BARE_LINE_END)
    return None


def _too_large(limits: Limits) -> Refusal:
    return Refusal("limits.message_size", replies.too_large(limits.message_size))


def _matches(address: str, patterns: tuple[str, ...]) -> bool:
    address = address.casefold()
    domain = "*" + address[address.rfind("@") :]
    return any(pattern.casefold() in (address, domain) for pattern in patterns)
