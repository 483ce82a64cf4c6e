"""`relay config`: the edge's settings, checked, shown without their secrets, and their schema."""

import os
from typing import Annotated

import typer

from console.commands.explain import explain_mail
from console.masked import masked
from console.place import edge_settings
from console.terminal import Config, complain, faults_told, say, say_json
from console.usage import WRONG_USAGE, Json
from edge.settings import EdgeSettings

app = typer.Typer(no_args_is_help=True, help="The settings of the edge.")
app.command("explain")(explain_mail)


@app.command()
def check(as_json: Json = False, config: Config = None) -> None:
    """Say whether they hold; exit 4 when they do not."""
    settings = _read(config)
    if as_json:
        say_json(
            {"ok": True, "listeners": len(settings.listeners), "devices": len(settings.devices)}
        )
    else:
        say(f"They hold: {len(settings.listeners)} listeners, {len(settings.devices)} devices.")


@app.command()
def show(
    config: Config = None,
    _json: Annotated[bool, typer.Option("--json", help="It is JSON anyway.")] = False,
) -> None:
    """Show what is set and what is usual, secrets masked."""
    say_json(masked(_read(config)))


@app.command()
def schema(
    _json: Annotated[bool, typer.Option("--json", help="It is JSON anyway.")] = False,
) -> None:
    """Print the JSON Schema of edge.toml, for editors."""
    say_json(EdgeSettings.model_json_schema())


def _read(config: Config) -> EdgeSettings:
    with faults_told():
        settings = edge_settings(os.environ, config)
    if settings is None:
        raise complain("Name the edge's settings with --config or EDGE_CONFIG.", WRONG_USAGE)
    return settings
