"""`relay stats`: what went through, how fast, what failed, by device and mailbox."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Self

import typer

from console.reading.figures import shares
from console.terminal import Config, at_work, say, say_json, say_table
from console.usage import Json
from console.words import duration, share, size_of, stamp
from handoff.delivery import State
from handoff.hours import Share
from handoff.ids import time_of
from handoff.queues import read_queues
from handoff.sites import Site, Sites


class Span(StrEnum):
    DAY = "24h"
    WEEK = "7d"
    MONTH = "30d"


_SPANS = {
    Span.DAY: timedelta(days=1),
    Span.WEEK: timedelta(days=7),
    Span.MONTH: timedelta(days=30),
}


def stats(
    span: Annotated[Span, typer.Option("--last", help="How far back.")] = Span.DAY,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Count mails, errors and times; by device and by mailbox."""
    with at_work(config) as storage:
        now = datetime.now(UTC)
        figures = shares(storage, _SPANS[span], now)
        queues = read_queues(storage, now)
        known = [_Uptime.of(site, now) for site in Sites(storage.status).all()]
    if as_json:
        say_json({"span": span, "queues": queues, "figures": figures, "sites": known})
        return
    dead = figures.states.get(State.DEAD, 0)
    say(f"Last {span}: {figures.mails:,} mails, {size_of(figures.octets)}", "bold")
    say(f"  sent      {figures.states.get(State.SENT, 0):,}")
    say(f"  waiting   {figures.waiting:,} (queue {queues.outbound:,}, poison {queues.poison:,})")
    say(f"  dead      {dead:,} ({share(dead, figures.mails)})")
    say(f"  retries   {max(0, figures.attempts - figures.mails):,}")
    p50, p95 = figures.percentile(0.5), figures.percentile(0.95)
    say(f"  250→sent  p50 {duration(p50)}, p95 {duration(p95)}")
    for code, number in sorted(figures.codes.items(), key=lambda item: -item[1])[:10]:
        say(f"  fault     {number:,} times {code}")
    for one in known:
        up = "silent" if one.is_silent else f"up for {duration(one.seconds)}"
        say(f"  site      {one.site or '-'} {up}, since {stamp(one.started_at)}")
    _show_shares("device", figures.devices)
    _show_shares("mailbox", figures.mailboxes)


@dataclass(frozen=True)
class _Uptime:
    """How long an edge has run, by its last heartbeat."""

    site: str
    started_at: datetime
    seconds: float
    is_silent: bool

    @classmethod
    def of(cls, site: Site, now: datetime) -> Self:
        is_silent = site.is_silent(now)
        until = site.at if is_silent else now
        seconds = max(0.0, (until - site.started_at).total_seconds())
        return cls(site.name, site.started_at, seconds, is_silent)


def _show_shares(what: str, shares_: Mapping[str, Share]) -> None:
    rows = sorted(shares_.items(), key=lambda item: -item[1].mails)
    say_table(
        (what, "mails", "sent", "dead", "size", "last mail (UTC)", "last fault"),
        [
            (
                name.strip("/"),
                f"{one.mails:,}",
                f"{one.sent:,}",
                f"{one.failed:,}",
                size_of(one.octets),
                stamp(time_of(one.last)) if one.last else "",
                one.fault,
            )
            for name, one in rows
        ],
    )
