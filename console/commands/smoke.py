"""`relay smoke`: send one mail through a real deployment, and check what no test can check for it.

Reads the storage account with the operator's own sign-in, named as for the function app:
`MailStorage`, or `MailStorage__queueServiceUri` and its like. It changes nothing but for the one
mail, and a message and a blob that it removes. Exit codes: 0 all is well, 1 something is not,
2 usage, 4 bad settings.
"""

import json
import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Annotated

import typer
from azure.core.exceptions import AzureError

from console.commands.smoke_mail import Door, DoorFailed, send_mail
from console.commands.smoke_rights import Finding, has_account_key, rights_of_edge
from console.usage import BAD_SETTINGS, FAILED, Json
from edge.settings_file import SettingsError, load
from edge.storage_settings import StorageSettings
from handoff.account import MAIL_STORAGE, Account, NoAccount
from handoff.delivery import ENDED, Delivery, State
from handoff.ids import blob_name_of, new_id
from handoff.ledger import Ledger
from handoff.storage import Storage


def smoke(
    to: Annotated[str, typer.Option(help="Who gets the mail: yourself.")],
    sender: Annotated[str, typer.Option("--from", help="The reverse-path.")],
    door: Annotated[str, typer.Option(help="host:port of the edge.")] = "localhost:587",
    login: Annotated[str, typer.Option(help="A device's login; without it, by network.")] = "",
    password_file: Annotated[
        Path | None, typer.Option(help="A file with the login's password.")
    ] = None,
    ca_file: Annotated[
        Path | None, typer.Option(help="Trust this certificate; else those of the system.")
    ] = None,
    edge_config: Annotated[
        Path | None, typer.Option(help="Check, beside the edge, what its identity may not do.")
    ] = None,
    seconds: Annotated[float, typer.Option(min=1, help="How long to wait for the mail.")] = 120,
    as_json: Json = False,
) -> None:
    """Send one mail through a deployment and follow it; check its storage account and roles."""
    try:
        account = Account.from_app_settings(os.environ, MAIL_STORAGE)
        edge = load(edge_config, os.environ).storage if edge_config else None
        password = password_file.read_text("utf-8").strip() if password_file else ""
    except (NoAccount, SettingsError, OSError) as error:
        typer.echo(f"relay smoke: {error}", err=True)
        raise typer.Exit(BAD_SETTINGS) from error
    findings = []
    with Storage(account) as storage:
        place = Door(door, sender, to, login, password, ca_file)
        rights = _rights(edge, storage) if edge else ()
        for finding in chain(_checks(storage, place, seconds), rights):
            findings.append(finding)
            typer.echo(_line(finding), err=as_json)
    if as_json:
        typer.echo(json.dumps([finding._asdict() for finding in findings], indent=1))
    if not all(finding.ok for finding in findings):
        raise typer.Exit(FAILED)


def _checks(storage: Storage, door: Door, seconds: float) -> Iterator[Finding]:
    for name, call in _places(storage).items():
        yield _reached(name, call)
    try:
        mail_id = send_mail(door)
    except DoorFailed as error:
        yield Finding("door", False, str(error))
        return
    yield Finding("door", True, f"took the mail as {mail_id}")
    try:
        yield from _follow(mail_id, storage, seconds)
    except AzureError as error:
        yield Finding("delivery", False, _reason(error))


def _places(storage: Storage) -> dict[str, Callable[[], object]]:
    return {
        "queue outbound": storage.outbound.get_queue_properties,
        "queue outbound-poison": storage.poison.get_queue_properties,
        "container mail": storage.mail.get_container_properties,
        "container dead-letters": storage.dead_letters.get_container_properties,
        "table deliveries": lambda: next(iter(storage.deliveries.list_entities()), None),
        "table status": lambda: next(iter(storage.status.list_entities()), None),
    }


def _reached(name: str, call: Callable[[], object]) -> Finding:
    try:
        call()
    except AzureError as error:
        return Finding(name, False, _reason(error))
    return Finding(name, True, "reached")


def _follow(mail_id: str, storage: Storage, seconds: float) -> Iterator[Finding]:
    row = _end_of(mail_id, Ledger(storage.deliveries), seconds)
    if row is None:
        text = (
            f"no row in the ledger after {seconds:g} s: does the function app run, on this queue?"
        )
        yield Finding("delivery", False, text)
        return
    if row.state is not State.SENT:
        yield Finding("delivery", False, f"{row.state.value}, {row.code}: {row.reason}")
        return
    took = (row.ended_at - row.received_at).total_seconds() if row.ended_at else 0
    yield Finding("delivery", True, f"sent {took:.1f} s after the edge had it")
    yield Finding("once", row.attempts == 1, f"{row.attempts} attempts")
    is_left = storage.mail.get_blob_client(blob_name_of(mail_id)).exists()
    yield Finding("content", not is_left, "still there" if is_left else "gone when it was sent")


def _end_of(mail_id: str, ledger: Ledger, seconds: float) -> Delivery | None:
    """The row when the mail has had its end, else as it is after `seconds`."""
    give_up_at = time.monotonic() + seconds
    while True:
        row = ledger.find(mail_id)
        if (row and row.state in ENDED) or time.monotonic() >= give_up_at:
            return row
        time.sleep(0.5)


def _rights(edge: StorageSettings, operator: Storage) -> Iterator[Finding]:
    secret = edge.connection_string
    text = secret.get_secret_value() if secret else None
    if has_account_key(text):
        reason = "it has the account's key, which may do everything; prefer account_url_queue"
        yield Finding("rights of the edge", False, reason)
        return
    account = Account(
        connection_string=text, queue_url=edge.account_url_queue, blob_url=edge.account_url_blob
    )
    with Storage(account) as storage:
        yield from rights_of_edge(storage, operator, f"smoke/{new_id(datetime.now(UTC))}")


def _reason(error: AzureError) -> str:
    return str(error).splitlines()[0][:200]


def _line(finding: Finding) -> str:
    return f"{'ok  ' if finding.ok else 'FAIL'}  {finding.check}: {finding.text}"
