"""`relay doctor`: check everything on the way of a mail, and say what to fix first."""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated

import typer

from console.doctor.cloud import ask_function_app, check_storage
from console.doctor.edge import check_edge
from console.doctor.network import check_network
from console.place import SettingsError, account_of, edge_settings
from console.terminal import FAILED, Config, Json, say, say_json, talk
from edge.settings import EdgeSettings
from handoff.account import Account, NoAccount
from handoff.findings import Finding
from handoff.storage import Storage

_STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red", "skip": "dim"}
_ADDRESS = re.compile(r"[\w.+-]+@[\w.-]+")
_HOST = re.compile(r"\b[a-z0-9-]+(?:\.(?:queue|blob|table))(?:\.[a-z0-9-]+)+\b")
_NUMBERS = re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b")


def doctor(
    mailbox: Annotated[
        str, typer.Option(help="The mailbox to ask about (default: of the first device).")
    ] = "",
    identity: Annotated[str, typer.Option(help="The sending identity to ask about.")] = "default",
    wait: Annotated[float, typer.Option(help="Seconds to wait for the function app.")] = 30,
    redact: Annotated[bool, typer.Option("--redact", help="Without addresses and hosts.")] = False,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Check settings, line, storage account, token and mailbox; send nothing."""
    findings: list[Finding] = []
    for finding in _check(config, mailbox, identity, wait):
        found = redacted(finding) if redact else finding
        findings.append(found)
        if not as_json:
            _show(found)
    if as_json:
        say_json(findings)
    failed = [one for one in findings if one.verdict == "fail"]
    if failed:
        talk.print(f"{len(failed)} checks failed; the first thing to fix: {failed[0].id}.")
        raise typer.Exit(FAILED)


def redacted(finding: Finding) -> Finding:
    """`finding` for strangers' eyes. Pure."""

    def hide(text: str) -> str:
        text = _ADDRESS.sub("(address)", text)
        return _NUMBERS.sub("(ip)", _HOST.sub("(host)", text))

    return replace(finding, text=hide(finding.text), fix=hide(finding.fix))


def _check(config: Config, mailbox: str, identity: str, wait: float) -> Iterator[Finding]:
    now = datetime.now(UTC)
    settings: EdgeSettings | None = None
    try:
        settings = edge_settings(os.environ, config)
    except SettingsError as fault:
        for line in fault.faults:
            yield Finding(
                "L01", "settings", "fail", line, fix="docs/edge-settings.md has each key."
            )
    if settings is not None:
        yield from check_edge(settings, now)
    try:
        account = account_of(os.environ, config)
    except (NoAccount, SettingsError) as fault:
        yield Finding("N01", "names", "fail", str(fault), fix="Name the storage account.")
        return
    yield from check_network(account, now)
    yield from _cloud(account, mailbox or _first_mailbox(settings), identity, wait)


def _cloud(account: Account, mailbox: str, identity: str, wait: float) -> Iterable[Finding]:
    with Storage(account) as storage:
        found: Sequence[Finding] = list(check_storage(storage, datetime.now(UTC)))
        yield from found
        if found[0].verdict == "fail":
            yield Finding("G01", "function app", "skip", "Needs S01.")
        elif not mailbox:
            yield Finding("G01", "function app", "skip", "Name a mailbox to ask about: --mailbox.")
        else:
            yield from ask_function_app(storage, identity, mailbox, wait)


def _first_mailbox(settings: EdgeSettings | None) -> str:
    return settings.devices[0].send_as if settings and settings.devices else ""


def _show(finding: Finding) -> None:
    code = f" [{finding.code}]" if finding.code else ""
    say(
        f"{finding.verdict:<5} {finding.id} {finding.name:<13}{code} {finding.text}",
        _STYLES[finding.verdict],
    )
    if finding.fix and finding.verdict in ("fail", "warn"):
        say(f"      fix: {finding.fix}")
