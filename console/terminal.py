"""How commands speak: data on standard output, talk on standard error, faults as exit codes."""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from datetime import datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer
from azure.core.exceptions import AzureError
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from console.place import account_of
from console.reading.query import BadQuery
from console.storage_faults import sentence_of
from console.usage import BAD_SETTINGS, FAILED, WRONG_USAGE
from edge.settings_file import SettingsError
from handoff.account import NoAccount
from handoff.storage import Storage

_WIDE = 200

Config = Annotated[
    Path | None,
    typer.Option("--config", help="The edge's settings (default: EDGE_CONFIG).", dir_okay=False),
]

# Without a terminal no line is broken and nothing is coloured.
out = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else _WIDE)
talk = Console(stderr=True, highlight=False, soft_wrap=True)


@contextmanager
def at_work(config: Path | None) -> Iterator[Storage]:
    """The storage account; faults end the command with a sentence and its exit code."""
    with faults_told(), Storage(account_of(os.environ, config)) as storage:
        yield storage


@contextmanager
def faults_told() -> Iterator[None]:
    try:
        yield
    except (NoAccount, SettingsError) as fault:
        raise complain(str(fault), BAD_SETTINGS) from fault
    except BadQuery as fault:
        raise complain(str(fault), WRONG_USAGE) from fault
    except (AzureError, ValueError) as fault:
        raise complain(sentence_of(fault), FAILED) from fault


def complain(text: str, code: int) -> typer.Exit:
    """Say what is wrong; raise what this answers."""
    for line in text.splitlines():
        talk.print(f"relay: {line}", markup=False)
    return typer.Exit(code)


def say_json(value: Any) -> None:
    typer.echo(json.dumps(plain(value), ensure_ascii=False, indent=2))


def plain(value: Any) -> Any:
    """`value` in what JSON knows."""
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value) if f.name != "etag"}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, dict):
        return {str(plain(key)): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | frozenset | set):
        return [plain(item) for item in value]
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    return value


def say_table(columns: Sequence[str], rows: Sequence[Sequence[object]], title: str = "") -> None:
    table = Table(
        *columns, box=SIMPLE_HEAD, title=title or None, title_justify="left", pad_edge=False
    )
    for row in rows:
        table.add_row(*(printable(str(cell)) for cell in row))
    out.print(table, markup=False)


def say(text: str, style: str = "") -> None:
    out.print(printable(text), style=style or None, markup=False)


def printable(text: str) -> str:
    """`text`, much of which came from outside, without what a terminal would obey."""
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)
