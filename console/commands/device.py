"""`relay device`: who may send, in `edge.toml`. Its comments and everything else in it stay.

A file that the edge would not take is never written. Exit codes: 0 done, 1 there is no such device
or no such file, 4 the settings do not hold.
"""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from console import device_file
from console.adoption import CannotAdopt, Wish, device_values, strangers_of
from console.adoption import adopt as adopt_stranger
from console.device_card import Card, cards, fits_every_field, new_password
from console.device_file import NoSuchDevice, NotEditable
from console.usage import BAD_SETTINGS, FAILED, Json
from edge.credentials import hash_password
from edge.settings import Device, EdgeSettings
from edge.settings_file import SettingsError, load
from edge.strangers import Stranger

app = typer.Typer(no_args_is_help=True, help="Who may send through an edge.")

Config = Annotated[
    Path, typer.Option("--config", envvar="EDGE_CONFIG", help="The settings of the edge.")
]
Name = Annotated[str, typer.Argument(help="Its login.")]
SendAs = Annotated[str, typer.Option("--send-as", help="The mailbox that sends.")]
Networks = Annotated[
    list[str] | None, typer.Option("--network", help="From where it need not sign in; repeat.")
]
Recipients = Annotated[
    list[str] | None,
    typer.Option("--recipients", help="Where it may send to: an address or *@domain; repeat."),
]
_DEFAULT = Path("edge.toml")


@app.command()
def add(
    name: Name,
    send_as: SendAs,
    network: Networks = None,
    recipients: Recipients = None,
    password: Annotated[
        bool, typer.Option(help="Give it a password; without one it needs a network.")
    ] = True,
    only_print: Annotated[
        bool, typer.Option("--print", help="Print what to paste, change no file.")
    ] = False,
    config: Config = _DEFAULT,
    as_json: Json = False,
) -> None:
    """Add a device, and show once what to type into it."""
    secret = new_password() if password else ""
    values = device_values(name, send_as, network or [], recipients or [], secret)
    _hint_at_length(name)
    if only_print:
        typer.echo(device_file.as_block(values), nl=False)
        if secret:
            typer.echo(f"password, shown this once: {secret}", err=True)
        return
    with _told_faults():
        settings = _write(config, device_file.with_device(_read(config), values))
        device = _device(settings, name)
        _show(list(cards(settings, device)), device, secret, as_json)


@app.command("list")
def list_(config: Config = _DEFAULT, as_json: Json = False) -> None:
    """List the devices."""
    with _told_faults():
        devices = load(config, os.environ).devices
    rows = [_row(device) for device in devices]
    if as_json:
        typer.echo(json.dumps(rows))
        return
    table = Table("name", "sends as", "password", "networks", "may send to")
    for row in rows:
        listed = (", ".join(row[key]) or other for key, other in _LISTS)
        table.add_row(row["name"], row["send_as"], "yes" if row["has_password"] else "", *listed)
    Console(file=sys.stdout).print(table)


@app.command()
def rotate(name: Name, config: Config = _DEFAULT, as_json: Json = False) -> None:
    """Give a device a new password, and show it once. The old one ends with the next reload."""
    secret = new_password()
    with _told_faults():
        values = {"password_hash": hash_password(secret)}
        settings = _write(config, device_file.with_changed(_read(config), name, values))
        device = _device(settings, name)
        _show(list(cards(settings, device)), device, secret, as_json)


@app.command("hash")
def hash_(as_json: Json = False) -> None:
    """The `password_hash` of a password that exists: typed twice, or a line on standard input."""
    if sys.stdin.isatty():
        password = typer.prompt("password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise typer.BadParameter("there is no password on standard input")
    hashed = hash_password(password)
    typer.echo(json.dumps({"password_hash": hashed}) if as_json else hashed)


@app.command()
def remove(name: Name, config: Config = _DEFAULT, as_json: Json = False) -> None:
    """Remove a device."""
    with _told_faults():
        settings = _write(config, device_file.without(_read(config), name))
    if any(device.name.casefold() == name.casefold() for device in settings.devices):
        _fail(f"{name} is still there: EDGE_DEVICES in the environment wins over {config}")
    typer.echo(json.dumps({"removed": name}) if as_json else f"removed {name}")


@app.command()
def adopt(
    address: Annotated[str, typer.Argument(help="Of a stranger; none: list them.")] = "",
    name: Annotated[str, typer.Option("--name", help="The new device.")] = "",
    send_as: Annotated[str, typer.Option("--send-as", help="The mailbox that sends.")] = "",
    recipients: Recipients = None,
    password: Annotated[bool, typer.Option("--password", help="Give it one, too.")] = False,
    config: Config = _DEFAULT,
    as_json: Json = False,
) -> None:
    """Make a device of a stranger that was noted while the edge was learning."""
    with _told_faults():
        settings = load(config, os.environ)
        if not address:
            _show_strangers(strangers_of(settings), as_json)
            return
        if not name or not send_as:
            raise typer.BadParameter("an address needs --name and --send-as")
        wish = Wish(address, name, send_as, tuple(recipients or ()), password)
        adopted = adopt_stranger(wish, settings, config, os.environ)
        _say_written(config)
        _show(adopted.ways, adopted.device, adopted.password, as_json)


_LISTS = (("networks", ""), ("recipients", "everywhere"))


def _read(config: Path) -> str:
    try:
        return config.read_text("utf-8")
    except OSError as fault:
        _fail(f"{config}: cannot be read: {fault.strerror}")


def _write(config: Path, text: str) -> EdgeSettings:
    settings = device_file.replace(config, text, os.environ)
    _say_written(config)
    return settings


def _say_written(config: Path) -> None:
    typer.echo(f"wrote {config}; the edge takes it on SIGHUP or at its next start", err=True)


def _device(settings: EdgeSettings, name: str) -> Device:
    for device in settings.devices:
        if device.name.casefold() == name.casefold():
            return device
    _fail(f"{name} is not taken: EDGE_DEVICES in the environment wins over the file")


def _show(ways: Sequence[Card], device: Device, secret: str, as_json: bool) -> None:
    if as_json:
        ways_in = [asdict(way) for way in ways]
        typer.echo(json.dumps({"device": _row(device), "password": secret, "ways": ways_in}))
        return
    for way in ways:
        user = f"user {way.user}" if way.user else "no user, no password"
        typer.echo(f"server {way.server}  port {way.port}  encryption {way.encryption}  {user}")
    if secret:
        typer.echo(f"password {secret}")
        typer.echo("It is shown this once; only its hash is kept.", err=True)
    if not ways:
        typer.echo("No listener takes it: see listeners[].auth.", err=True)


def _row(device: Device) -> dict[str, Any]:
    return {
        "name": device.name,
        "send_as": device.send_as,
        "has_password": device.password_hash is not None,
        "networks": [str(network) for network in device.networks],
        "recipients": list(device.recipients),
    }


def _show_strangers(strangers: list[Stranger], as_json: bool) -> None:
    if as_json:
        found = [asdict(one) | {"domains": sorted(one.domains)} for one in strangers]
        typer.echo(json.dumps(found))
        return
    table = Table("address", "listener", "hello", "sends from", "to")
    for one in strangers:
        to = ", ".join(sorted(one.domains))
        table.add_row(one.address, one.listener, one.hello, one.reverse_path, to)
    Console(file=sys.stdout).print(table)


def _hint_at_length(name: str) -> None:
    if not fits_every_field(name):
        typer.echo(
            "Some devices take only user names of 4 to 20 small letters, digits and . _ - that "
            "begin with a letter.",
            err=True,
        )


@contextmanager
def _told_faults() -> Iterator[None]:
    try:
        yield
    except SettingsError as error:
        for fault in error.faults:
            typer.echo(fault, err=True)
        raise typer.Exit(BAD_SETTINGS) from error
    except NoSuchDevice as error:
        _fail(f"there is no device {error}")
    except (CannotAdopt, NotEditable, OSError) as error:
        _fail(str(error))


def _fail(sentence: str) -> NoReturn:
    typer.echo(sentence, err=True)
    raise typer.Exit(FAILED)
