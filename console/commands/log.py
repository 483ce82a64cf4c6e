"""`relay log`: the delivery log, filtered; as a table, CSV or JSON; once, or as it grows."""

import csv
import sys
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import islice
from typing import Annotated

import typer

from console.reading.deliveries import newer, walk
from console.reading.query import read_query
from console.reading.spreadsheet import COLUMNS, as_row
from console.terminal import Config, at_work, out, say_json, say_table
from console.usage import Json
from console.words import duration, size_of, stamp
from handoff.ids import first_id
from handoff.ledger_reader import LedgerReader, Line

_LOOK_SECONDS = 1.0


def log(
    query: Annotated[
        list[str] | None,
        typer.Argument(help="from: to: device: site: mailbox: state: code: before: after: words"),
    ] = None,
    most: Annotated[int, typer.Option("--most", "-n", min=1, help="How many at most.")] = 50,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with new ones.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Comma-separated values.")] = False,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """List deliveries, newest first."""
    with at_work(config) as storage:
        now = datetime.now(UTC)
        wanted = read_query(" ".join(map(_quoted, query or [])), now)
        reader = LedgerReader(storage.deliveries)
        lines = list(islice(walk(reader, wanted, now), most))
        if follow:
            lines.reverse()
        _show(lines, as_csv, as_json, with_head=True)
        last = max((line.id for line in lines), default=first_id(now))
        while follow:
            time.sleep(_LOOK_SECONDS)
            fresh = newer(reader, wanted, last, datetime.now(UTC))
            _show(fresh, as_csv, as_json, with_head=False)
            last = max([last, *(line.id for line in fresh)])


def _show(lines: Iterable[Line], as_csv: bool, as_json: bool, *, with_head: bool) -> None:
    if as_json and with_head:
        say_json(list(lines))
    elif as_json:
        for line in lines:
            say_json(line)
    elif as_csv:
        writer = csv.writer(sys.stdout)
        writer.writerows([COLUMNS] if with_head else [])
        writer.writerows(map(as_row, lines))
        sys.stdout.flush()
    elif with_head:
        say_table(
            ("accepted (UTC)", "state", "device", "from", "to", "size", "took", "id"),
            [_cells(line) for line in lines],
        )
    else:
        for line in lines:
            out.print("  ".join(_cells(line)), markup=False)


def _cells(line: Line) -> list[str]:
    more = f" +{line.recipient_count - 1}" if line.recipient_count > 1 else ""
    state = line.state.value + (f" {line.code}" if line.code else "")
    return [
        stamp(line.received_at),
        state,
        line.device,
        line.reverse_path or "<>",
        (line.recipients[0] if line.recipients else "") + more,
        size_of(line.size),
        duration(line.seconds),
        line.id,
    ]


def _quoted(word: str) -> str:
    """An argument of the shell is one term, whatever spaces are in it."""
    name, colon, value = word.partition(":")
    return f'{name}{colon}"{value}"' if colon and " " in value else word
