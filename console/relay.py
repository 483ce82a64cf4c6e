"""The command `relay`: what an operator asks and does. Each command is a module of its own."""

from importlib.metadata import PackageNotFoundError, version
from typing import Annotated

import typer

from console.commands import config, dead, device, import_, sites, spool
from console.commands.console import console
from console.commands.doctor import doctor
from console.commands.explain import explain_mail
from console.commands.log import log
from console.commands.sealing_key import sealing_key
from console.commands.send_test import send_test
from console.commands.smoke import smoke
from console.commands.stats import stats
from console.commands.why import why

app = typer.Typer(name="relay", no_args_is_help=True, pretty_exceptions_enable=False)
app.command()(log)
app.command()(why)
app.command()(stats)
app.command()(smoke)
app.command()(console)
app.command()(doctor)
app.command()(send_test)
app.command()(sites.watch)
app.add_typer(dead.app, name="dead")
app.add_typer(spool.app, name="spool")
app.add_typer(sites.app, name="sites")
app.add_typer(config.app, name="config")
app.add_typer(import_.app, name="import")
config.app.command("explain")(explain_mail)


def _say_version(wanted: bool) -> None:
    if wanted:
        try:
            typer.echo(version("smtp-graph-relay"))
        except PackageNotFoundError:
            typer.echo("not installed; running from its sources")
        raise typer.Exit


@app.callback()
def relay(
    _: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Its version.")
    ] = False,
) -> None:
    """See what the relay did with a mail, and set right what it could not send."""


app.add_typer(device.app)
app.command()(sealing_key)
