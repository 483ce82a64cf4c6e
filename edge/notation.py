"""How settings are written: endpoints, networks, rates, names, addresses."""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from itertools import combinations
from pathlib import Path
from typing import Annotated, NamedTuple

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    PlainValidator,
    StringConstraints,
)

from edge.paths import check_address


class Endpoint(NamedTuple):
    """Where to listen. Port 0 is any free one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def overlaps(self, other: "Endpoint") -> bool:
        """Whether one who listens here keeps another from listening there."""
        is_everywhere = {self.host, other.host} & {"0.0.0.0", "::"}
        same_family = (":" in self.host) == (":" in other.host)
        same_host = self.host.casefold() == other.host.casefold()
        same_port = self.port == other.port != 0
        return same_port and (same_host or (bool(is_everywhere) and same_family))


def refuse_overlap(places: Sequence[tuple[str, Endpoint]]) -> None:
    """Raises ValueError when two of them cannot listen at once."""
    for (one, here), (other, there) in combinations(places, 2):
        if here.overlaps(there):
            raise ValueError(f"{one} and {other} cannot both listen on {there}")


class Rate(NamedTuple):
    """So many mails in so many seconds."""

    mails: int
    seconds: int

    def __str__(self) -> str:
        unit = next(unit for unit, length in _SECONDS.items() if length == self.seconds)
        return f"{self.mails}/{unit}"


_ENDPOINT = re.compile(r"(?:\[(?P<six>[0-9a-fA-F:.]+)\]|(?P<host>[^:\s]*)):(?P<port>\d{1,5})")
_RATE = re.compile(r"(?P<mails>[1-9]\d*)/(?P<unit>second|minute|hour|day)")
_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}


def _to_endpoint(value: object) -> object:
    if isinstance(value, Endpoint):
        return value
    found = _ENDPOINT.fullmatch(str(value))
    if found is None or int(found["port"]) > 65535:
        raise ValueError("expected host:port, such as 127.0.0.1:2525 or [::]:587")
    return Endpoint(found["six"] or found["host"] or "0.0.0.0", int(found["port"]))


def _to_network(value: object) -> IPv4Network | IPv6Network:
    if isinstance(value, IPv4Network | IPv6Network):
        return value
    text = str(value)
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        raise ValueError(
            f"{text!r} is neither an address nor a network, such as 10.0.8.21 or 10.0.8.0/24"
        ) from None
    address = text.partition("/")[0]
    if ip_address(address) != network.network_address:
        raise ValueError(f"{text} has host bits set: write {network}, or {address} for one address")
    mapped = network.network_address.ipv4_mapped if network.version == 6 else None
    # A client of such a network is seen with its IPv4 address.
    return IPv4Network((mapped, network.prefixlen - 96)) if mapped else network


def _to_rate(value: object) -> object:
    if value is None or isinstance(value, Rate):
        return value
    found = _RATE.fullmatch(str(value))
    if found is None:
        raise ValueError("expected mails/unit, such as 30/minute (second, minute, hour or day)")
    return Rate(int(found["mails"]), _SECONDS[found["unit"]])


def _to_day(value: object) -> object:
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value if isinstance(value, str) else _iso(value))
    except ValueError:
        raise ValueError("expected a date, such as 2027-11-21") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _iso(value: object) -> str:
    return value.isoformat() if isinstance(value, date) else ""


def _is_mailbox(address: str) -> str:
    if check_address(address, smtputf8=True, needs_domain=True) is not None:
        raise ValueError("expected a mail address, such as noreply@contoso.com")
    return address


def _is_pattern(pattern: str) -> str:
    if check_address(pattern.replace("*@", "any@", 1), smtputf8=True, needs_domain=True):
        raise ValueError("expected an address or *@domain")
    return pattern


_AS_WRITTEN = PlainSerializer(lambda value: value and str(value), when_used="json")
EndpointSetting = Annotated[Endpoint, BeforeValidator(_to_endpoint), _AS_WRITTEN]
Network = Annotated[IPv4Network | IPv6Network, PlainValidator(_to_network)]
RateSetting = Annotated[Rate | None, BeforeValidator(_to_rate), _AS_WRITTEN]
Day = Annotated[datetime | None, BeforeValidator(_to_day)]
"""The start of a day, in UTC, or a moment."""
Mailbox = Annotated[str, AfterValidator(_is_mailbox)]
Pattern = Annotated[str, AfterValidator(_is_pattern)]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
PasswordHash = Annotated[
    str,
    StringConstraints(
        pattern=r"^\$argon2id\$v=\d+\$m=\d+,t=\d+,p=\d+\$[A-Za-z0-9+/]{11,}\$[A-Za-z0-9+/]{16,}$"
    ),
]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Bytes = Annotated[int, Field(gt=0)]


def is_there(path: Path) -> bool:
    """Raises ValueError when nobody can tell."""
    try:
        return path.exists()
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from error
