"""`relay import`: begin with the settings of the relay that one comes from.

Writes `edge.toml`, and secrets into `edge.env` beside it, both readable by their owner alone.
Nothing is written over. Exit codes: 0 done, 1 a file is there already or cannot be written,
2 usage, 4 the settings cannot be read.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import tomlkit
import typer
import yaml
from rich.console import Console
from rich.table import Table

from console.foreign_settings import (
    Translation,
    from_azure_smtp_with_oauth,
    from_smtp_oauth_relay,
)
from console.usage import BAD_SETTINGS, FAILED, Json

app = typer.Typer(no_args_is_help=True, help="Take over the settings of another relay.")

Source = Annotated[Path, typer.Argument(help="The settings to take over.", exists=True)]
Directory = Annotated[Path, typer.Option("--to", help="Where edge.toml and edge.env are written.")]


@app.command("azuresmtpwithoauth")
def azure_smtp_with_oauth(file: Source, to: Directory = Path(), as_json: Json = False) -> None:
    """From the config.yaml of azureSMTPwithOAuth."""
    try:
        found = yaml.safe_load(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as fault:
        # The fault's own text quotes the file, and with it a secret.
        raise _unreadable(file, type(fault).__name__) from None
    if not isinstance(found, dict) or not isinstance(found.get("oauth2_config") or {}, dict):
        raise _unreadable(file, "no settings of azureSMTPwithOAuth")
    _write(from_azure_smtp_with_oauth(found), to, as_json)


@app.command("smtp-oauth-relay")
def smtp_oauth_relay(
    file: Source,
    to: Directory = Path(),
    tenant: Annotated[
        list[str] | None, typer.Option(help="A tenant whose applications sign in; repeat.")
    ] = None,
    as_json: Json = False,
) -> None:
    """From the environment of smtp-oauth-relay: a file with a NAME=value a line."""
    try:
        env = read_env(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as fault:
        raise _unreadable(file, type(fault).__name__) from None
    _write(from_smtp_oauth_relay(env, tuple(tenant or ())), to, as_json)


def read_env(text: str) -> Mapping[str, str]:
    """NAME=value lines as `docker run --env-file` takes them; quotes around a value go."""
    found = {}
    for line in text.splitlines():
        name, is_setting, value = line.strip().removeprefix("export ").partition("=")
        if is_setting and not name.startswith("#"):
            value = value.strip()
            is_quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
            found[name.strip()] = value[1:-1] if is_quoted else value
    return found


def _write(found: Translation, to: Path, as_json: bool) -> None:
    texts = {"edge.toml": tomlkit.dumps(_document(found.edge))}
    if found.secrets:
        lines = [f"{name}={value}\n" for name, value in found.secrets.items()]
        texts["edge.env"] = "".join(lines)
    there = [str(to / name) for name in texts if (to / name).exists()]
    if there:
        typer.echo(f"{there[0]} is there already; nothing was written.", err=True)
        raise typer.Exit(FAILED)
    for name, text in texts.items():
        _write_file(to / name, text)
    if as_json:
        told = {
            "files": [str(to / name) for name in texts],
            "settings": [asdict(line) for line in found.lines],
            "next_steps": found.next_steps,
        }
        typer.echo(json.dumps(told, ensure_ascii=False))
    else:
        _tell(found, [str(to / name) for name in texts])


def _document(settings: Mapping[str, Any]) -> tomlkit.TOMLDocument:
    document = tomlkit.document()
    document.update(settings)
    return document


def _write_file(path: Path, text: str) -> None:
    try:
        # O_EXCL: nobody has put a link there meanwhile.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as fault:
        typer.echo(f"{path}: cannot be written: {fault.strerror}", err=True)
        raise typer.Exit(FAILED) from fault


def _tell(found: Translation, files: list[str]) -> None:
    table = Table("setting", "becomes", "remark")
    for line in found.lines:
        table.add_row(line.setting, line.becomes or "-", line.remark)
    Console().print(table)
    for number, step in enumerate(found.next_steps, 1):
        typer.echo(f"{number}. {step}", err=True)
    typer.echo(f"Written: {', '.join(files)}", err=True)


def _unreadable(file: Path, how: str) -> typer.Exit:
    typer.echo(f"{file}: cannot be read: {how}.", err=True)
    return typer.Exit(BAD_SETTINGS)
