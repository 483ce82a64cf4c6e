"""`relay spool`: what waits on an edge's own disk, while the edge runs and when it is dead.

Nothing is changed but by `release`. Exit codes: 0 done, 1 there is no such spool or mail, 2 usage,
4 bad settings.
"""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from console.usage import BAD_SETTINGS, FAILED, Json
from edge.settings_file import SettingsError, load
from edge.spool.release import release
from edge.spool.view import ContentGone, NoSpool, SpooledMail, SpoolView, open_view

app = typer.Typer(no_args_is_help=True, help="See what waits in an edge's spool, and get it out.")
Directory = Annotated[
    Path | None, typer.Option("--directory", "-d", help="The spool's directory itself.")
]
Config = Annotated[
    Path | None, typer.Option("--config", "-c", envvar="EDGE_CONFIG", help="The edge's settings.")
]
MailId = Annotated[str, typer.Argument(help="The id of the 250 reply.")]


@app.command("list")
def list_(
    directory: Directory = None,
    config: Config = None,
    most: Annotated[int, typer.Option(min=1, help="How many at most.")] = 100,
    as_json: Json = False,
) -> None:
    """The mails that wait, in the order in which they leave."""
    with _view(directory, config) as view:
        totals, mails = view.totals(), list(view.mails(most))
    if as_json:
        _print_json(asdict(totals) | {"waiting": [_summary(mail) for mail in mails]})
        return
    table = Table("id", "received", "octets", "device", "from", "to", "held")
    for mail in mails:
        summary = _summary(mail)
        table.add_row(*(str(summary[key] or "") for key in summary))
    Console().print(table, markup=False)
    Console(stderr=True).print(
        f"{totals.mails:,} mails, {totals.octets:,} octets, {totals.held} of them held",
        markup=False,
    )


@app.command()
def show(
    mail_id: MailId, directory: Directory = None, config: Config = None, as_json: Json = False
) -> None:
    """All that is known of one mail, without its content."""
    with _view(directory, config) as view:
        mail = _find(view, mail_id)
    if as_json:
        _print_json({"size": mail.size, "held": mail.held, "ticket": mail.ticket})
        return
    table = Table(show_header=False)
    for key, value in (_summary(mail) | _details(mail)).items():
        table.add_row(key, str(value if value is not None else ""))
    Console().print(table, markup=False)


@app.command()
def export(
    mail_id: MailId,
    directory: Directory = None,
    config: Config = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A new file; without it, stdout.")
    ] = None,
) -> None:
    """The content of one mail, octet for octet as it was accepted."""
    with _view(directory, config) as view:
        try:
            pieces = view.pieces(_find(view, mail_id))
        except ContentGone as error:
            _fail(str(error))
        if output is None:
            sys.stdout.buffer.writelines(pieces)
            sys.stdout.flush()
            return
        try:
            with output.open("xb") as file:
                file.writelines(pieces)
        except OSError as error:
            _fail(f"{output}: {error.strerror}")
    typer.echo(f"{output} written", err=True)


@app.command("release")
def release_(
    mail_id: MailId, directory: Directory = None, config: Config = None, as_json: Json = False
) -> None:
    """Have a held mail forwarded after all: by the edge that runs, or by the next that starts."""
    with _view(directory, config) as view:
        held = _find(view, mail_id).held
    try:
        is_released = release(directory or _configured(config), mail_id)
    except NoSpool as error:
        _fail(str(error))
    if not is_released:
        _fail(f"{mail_id} is not held: it is forwarded as it is")
    if as_json:
        _print_json({"released": mail_id, "was_held": held})
    typer.echo(f"{mail_id} released; it was held: {held}", err=True)


@contextmanager
def _view(directory: Path | None, config: Path | None) -> Iterator[SpoolView]:
    try:
        with open_view(directory or _configured(config)) as view:
            yield view
    except NoSpool as error:
        _fail(str(error))


def _configured(config: Path | None) -> Path:
    try:
        return load(config, os.environ).spool.directory
    except SettingsError as error:
        _fail(f"{error}\nor name the spool itself with --directory", BAD_SETTINGS)


def _find(view: SpoolView, mail_id: str) -> SpooledMail:
    mail = view.find(mail_id)
    if mail is None:
        _fail(f"{mail_id} is not in this spool; it has left, or was never in it")
    return mail


def _summary(mail: SpooledMail) -> dict[str, Any]:
    ticket, envelope = mail.ticket, mail.ticket["envelope"]
    first, *others = envelope["forward_paths"]
    return {
        "id": mail.id,
        "received_at": ticket["received_at"],
        "size": mail.size,
        "device": ticket["device"],
        "reverse_path": envelope["reverse_path"] or "<>",
        "forward_paths": f"{first} and {len(others)} more" if others else first,
        "held": mail.held,
    }


def _details(mail: SpooledMail) -> dict[str, Any]:
    send_as = mail.ticket["send_as"]
    return {
        "forward_paths": ", ".join(mail.ticket["envelope"]["forward_paths"]),
        "mailbox": send_as["mailbox"],
        "identity": send_as["identity"],
        "sha256": mail.ticket["content"]["sha256"],
    }


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(value, indent=1))


def _fail(text: str, code: int = FAILED) -> NoReturn:
    for line in text.splitlines():
        typer.echo(f"relay spool: {line}", err=True)
    raise typer.Exit(code)
