"""Make a device of a stranger that an edge noted while it was learning."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from console import device_file
from console.device_card import Card, cards, new_password
from edge.credentials import hash_password
from edge.settings import Device, EdgeSettings
from edge.strangers import FILE_NAME, Stranger, noted


@dataclass(frozen=True)
class Wish:
    """What an administrator wants the stranger to be."""

    address: str
    name: str
    send_as: str
    recipients: tuple[str, ...] = ()
    with_password: bool = False


@dataclass(frozen=True)
class Adopted:
    device: Device
    ways: Sequence[Card]
    password: str = field(repr=False)
    """Known here and now only; "" without one."""


class CannotAdopt(Exception):
    """The sentence says why."""


def device_values(
    name: str, send_as: str, networks: list[str], recipients: list[str], secret: str
) -> dict[str, Any]:
    """A device as `edge.toml` has it."""
    given: dict[str, Any] = {
        "name": name,
        "password_hash": hash_password(secret) if secret else "",
        "networks": networks,
        "send_as": send_as,
        "recipients": recipients,
    }
    return {key: value for key, value in given.items() if value}


def strangers_of(settings: EdgeSettings) -> list[Stranger]:
    """Who was noted and is no device's by now, as the edge's own spool has it."""
    known = [network for device in settings.devices for network in device.networks]
    found = []
    for stranger in noted(settings.spool.directory / FILE_NAME):
        try:
            address = ip_address(stranger.address)
        except ValueError:
            continue  # a foreign line is nobody
        if not any(address in network for network in known):
            found.append(stranger)
    return found


def adopt(
    wish: Wish, settings: EdgeSettings, file: Path, environment: Mapping[str, str]
) -> Adopted:
    """Write the device into `file`. Raises CannotAdopt, SettingsError, NotEditable, OSError."""
    if not any(stranger.address == wish.address for stranger in strangers_of(settings)):
        raise CannotAdopt(f"Nobody was noted at {wish.address}, or somebody adopted it already.")
    secret = new_password() if wish.with_password else ""
    values = device_values(wish.name, wish.send_as, [wish.address], list(wish.recipients), secret)
    text = device_file.with_device(file.read_text("utf-8"), values)
    written = device_file.replace(file, text, environment)
    for device in written.devices:
        if device.name.casefold() == wish.name.casefold():
            return Adopted(device, list(cards(written, device)), secret)
    raise CannotAdopt(f"{wish.name} is not taken: EDGE_DEVICES in the environment wins over {file}")
