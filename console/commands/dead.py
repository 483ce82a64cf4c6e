"""`relay dead`: what will not be sent, by reason; put it back, let it go, take it out."""

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from console.place import me
from console.reading.failed import UNKNOWN, Group, grouped
from console.terminal import Config, at_work, complain, say, say_json, say_table, talk
from console.usage import FAILED, WRONG_USAGE, Json
from console.words import plural, stamp
from handoff.dead_letters import DeadLetterLabel, DeadLetters
from handoff.redrive import Done, Operator
from handoff.storage import Storage

app = typer.Typer(no_args_is_help=True, help="Mail that will not be sent unless somebody acts.")

Ids = Annotated[list[str] | None, typer.Argument(help="Ids of mails.")]
Code = Annotated[str | None, typer.Option("--code", help="All that died of this.")]
Device = Annotated[str | None, typer.Option("--device", help="All of this device.")]
All = Annotated[bool, typer.Option("--all", help="All that there are.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Act = Callable[[tuple[str, ...], datetime], dict[str, Done]]


@app.command("list")
def list_(
    code: Code = None, device: Device = None, as_json: Json = False, config: Config = None
) -> None:
    """List dead letters, grouped by what killed them."""
    with at_work(config) as storage:
        groups = grouped(_chosen(storage, None, code, device))
    if as_json:
        say_json(groups)
        return
    for group in groups:
        _show(group)
    if not groups:
        talk.print("There is no dead letter.")


@app.command()
def show(mail_id: str, as_json: Json = False, config: Config = None) -> None:
    """Show one dead letter: its reason, its history, and the ticket."""
    with at_work(config) as storage:
        letter = DeadLetters(storage.dead_letters).find(mail_id.upper())
        letter = letter or DeadLetters(storage.dead_letters).find(mail_id)
    if letter is None:
        raise complain(Done.NO_SUCH_LETTER.value, FAILED)
    if as_json:
        say_json(letter)
        return
    say(f"{letter.id}  {letter.code}", "bold")
    say(letter.reason)
    for attempt in letter.history:
        say(f"  {stamp(attempt.at)}  {attempt.state.value:<9} {attempt.code}  {attempt.reason}")


def _deed(
    does: str, question: str, words: str, act: Callable[[Operator], Act]
) -> Callable[..., None]:
    """A command that does something to the dead letters that its arguments choose."""

    def command(
        ids: Ids = None,
        code: Code = None,
        device: Device = None,
        everything: All = False,
        yes: Yes = False,
        as_json: Json = False,
        config: Config = None,
    ) -> None:
        with at_work(config) as storage:
            wanted = _wanted(storage, ids, code, device, everything)
            _confirm(question.format(plural(len(wanted), "mail")), yes)
            done = act(Operator(storage, me()))(wanted, datetime.now(UTC))
        _report(done, words, as_json)

    command.__doc__ = does
    return command


app.command("redrive")(
    _deed(
        "Put mails back into the queue, under their old ids.",
        "Send {} after all?",
        "put back",
        lambda operator: operator.redrive,
    )
)
app.command("discard")(
    _deed(
        "Let mails go for good. Their rows in the ledger stay.",
        "Discard {} for good?",
        "discarded",
        lambda operator: operator.discard,
    )
)


@app.command()
def export(
    mail_id: str,
    to: Annotated[
        Path | None, typer.Option("--to", help="A file (default: standard output).")
    ] = None,
    config: Config = None,
) -> None:
    """Write the octets of a dead letter, as the device sent them."""
    with at_work(config) as storage:
        pieces = DeadLetters(storage.dead_letters).pieces_of(mail_id.upper())
        if pieces is None:
            raise complain(f"There are no octets of {mail_id}.", FAILED)
        if to is None:
            sys.stdout.buffer.writelines(pieces)
            return
        try:
            with to.open("xb") as file:
                file.writelines(pieces)
        except OSError as fault:
            raise complain(f"{to}: {fault.strerror}", FAILED) from fault
    talk.print(f"Written to {to}.", markup=False)


def _chosen(
    storage: Storage, ids: list[str] | None, code: str | None, device: str | None
) -> list[DeadLetterLabel]:
    return [
        label
        for label in DeadLetters(storage.dead_letters).labels()
        if (not ids or label.id in ids)
        and (code is None or (label.code or UNKNOWN) == code)
        and (device is None or label.device == device)
    ]


def _wanted(
    storage: Storage,
    ids: list[str] | None,
    code: str | None,
    device: str | None,
    everything: bool,
) -> tuple[str, ...]:
    if not (ids or code or device or everything):
        raise complain("Name ids, --code, --device or --all.", WRONG_USAGE)
    if ids and not (code or device):
        return tuple(ids)
    found = tuple(label.id for label in _chosen(storage, ids, code, device))
    if not found:
        raise complain("There is no such dead letter.", FAILED)
    return found


def _confirm(question: str, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise complain(f"{question} Say so with --yes.", WRONG_USAGE)
    if not typer.confirm(question, err=True):
        raise complain("Nothing was done.", FAILED)


def _report(done: dict[str, Done], words: str, as_json: bool) -> None:
    if as_json:
        say_json({mail_id: one.name.lower() for mail_id, one in done.items()})
    for mail_id, one in done.items():
        if one is Done.DONE and not as_json:
            say(f"{mail_id}  {words}")
        elif one is not Done.DONE:
            talk.print(f"{mail_id}  {one.value}", markup=False)
    if any(one is not Done.DONE for one in done.values()):
        raise typer.Exit(FAILED)


def _show(group: Group) -> None:
    say(f"{group.code}  {plural(len(group.letters), 'mail')}", "bold")
    say(f"  means  {group.remedy.means}")
    say(f"  do     {group.remedy.fix}")
    say_table(
        ("kept (UTC)", "device", "mailbox", "id"),
        [(stamp(one.kept_at), one.device, one.mailbox, one.id) for one in group.letters],
    )
