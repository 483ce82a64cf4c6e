"""`relay sites`: which edges there are, and how they do; `relay watch`: what is about to expire."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from console.reading.expiry import expiries
from console.terminal import Config, at_work, complain, say, say_json, say_table
from console.usage import FAILED, Json
from console.words import ago, duration, size_of, stamp
from handoff.endings import read_endings
from handoff.sites import Device, Site, Sites

app = typer.Typer(invoke_without_command=True, help="The edges, by their heartbeats.")


@app.callback()
def sites(context: typer.Context, as_json: Json = False, config: Config = None) -> None:
    """List sites and their devices; exit 1 when one of them is silent."""
    if context.invoked_subcommand:
        return
    with at_work(config) as storage:
        now = datetime.now(UTC)
        known, devices = Sites(storage.status).all(), Sites(storage.status).devices(now)
    if as_json:
        say_json({"sites": known, "devices": devices})
    else:
        _show(known, devices, now)
    is_silent = (one.is_silent(now) for each in (known, devices) for one in each)
    if any(is_silent):
        raise typer.Exit(FAILED)


@app.command()
def forget(
    site: Annotated[str, typer.Argument(help="Its name; - for none.")],
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Forget a site that is no more, so that nobody waits for it."""
    with at_work(config) as storage:
        if not Sites(storage.status).forget("" if site == "-" else site):
            raise complain(f'There is no site "{site}".', FAILED)
    if as_json:
        say_json({"forgotten": site})
    else:
        say(f"{site} is forgotten.")


def watch(
    days: Annotated[int, typer.Option(help="How far ahead.", min=0)] = 30,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Tell what expires; exit 1 when something does within --days."""
    with at_work(config) as storage:
        now = datetime.now(UTC)
        known = expiries(Sites(storage.status).all(), read_endings(storage.status), now)
    if as_json:
        say_json(known)
    else:
        rows = [(one.what, stamp(one.at), duration(one.seconds)) for one in known]
        say_table(("what", "expires (UTC)", "in"), rows)
    if any(one.seconds < timedelta(days=days).total_seconds() for one in known):
        raise typer.Exit(FAILED)


def _show(known: Sequence[Site], devices: Sequence[Device], now: datetime) -> None:
    say_table(
        ("site", "heard", "spool", "version", "up since", "certificate ends"),
        [
            (
                site.name or "-",
                ago(site.at, now) + (" SILENT" if site.is_silent(now) else ""),
                f"{site.spool_mails:,} mails, {size_of(site.spool_bytes)}",
                site.version,
                stamp(site.started_at),
                stamp(site.certificate_ends_at),
            )
            for site in known
        ],
    )
    say_table(
        ("site", "device", "last mail", "mails", "TLS", "address"),
        [
            (
                device.site,
                device.name,
                (ago(device.last_seen, now) if device.last_seen else "not seen yet")
                + (" SILENT" if device.is_silent(now) else ""),
                f"{device.mails:,}",
                device.tls or ("none" if device.last_seen else ""),
                device.address,
            )
            for device in devices
        ],
    )
