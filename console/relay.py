"""The command `relay`: what an operator asks and does. Each command is a module of its own.

Only the module of the command that is called is imported: all of them would take a second.
"""

from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

_PLACES = {
    "log": "log.log",
    "why": "why.why",
    "stats": "stats.stats",
    "smoke": "smoke.smoke",
    "console": "console.console",
    "doctor": "doctor.doctor",
    "send-test": "send_test.send_test",
    "watch": "sites.watch",
    "sealing-key": "sealing_key.sealing_key",
    "dead": "dead.app",
    "spool": "spool.app",
    "sites": "sites.app",
    "config": "config.app",
    "import": "import_.app",
    "device": "device.app",
}
"""In console/commands: the function of each command, or the app of those that have commands."""


class _Commands(Mapping[str, Any]):
    def __getitem__(self, name: str) -> Any:
        module, _, attribute = _PLACES[name].partition(".")
        found = getattr(import_module(f"console.commands.{module}"), attribute)
        parent = typer.Typer(callback=lambda: None)
        if isinstance(found, typer.Typer):
            parent.add_typer(found, name=name)
        else:
            parent.command(name)(found)
        return typer.main.get_group(parent).commands[name]

    def __iter__(self) -> Iterator[str]:
        return iter(_PLACES)

    def __len__(self) -> int:
        return len(_PLACES)


class _Relay(TyperGroup):
    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes | {"commands": _Commands()})


def _say_version(wanted: bool) -> None:
    if wanted:
        try:
            typer.echo(version("smtp-graph-relay"))
        except PackageNotFoundError:
            typer.echo("not installed; running from its sources")
        raise typer.Exit


app = typer.Typer(cls=_Relay, name="relay", no_args_is_help=True, pretty_exceptions_enable=False)


@app.callback()
def relay(
    _: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Its version.")
    ] = False,
) -> None:
    """See what the relay did with a mail, and set right what it could not send."""
