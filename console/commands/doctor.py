"""`relay doctor`: check everything on the way of a mail, and say what to fix first."""

import os
import re
from dataclasses import replace
from typing import Annotated

import typer

from console.doctor.rounds import Question, check_all
from console.terminal import Config, say, say_json, talk
from console.usage import FAILED, Json
from handoff.findings import Finding

_STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red", "skip": "dim"}
_ADDRESS = re.compile(r"[\w.+-]+@[\w.-]+")
_HOST = re.compile(r"\b[a-z0-9-]+(?:\.(?:queue|blob|table))(?:\.[a-z0-9-]+)+\b")
_NUMBERS = re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b")


def doctor(
    mailbox: Annotated[
        str, typer.Option(help="The mailbox to ask about (default: of a device).")
    ] = "",
    identity: Annotated[
        str, typer.Option(help="The sending identity to ask about (default: each of the devices').")
    ] = "",
    wait: Annotated[float, typer.Option(help="Seconds to wait for the function app.")] = 30,
    redact: Annotated[bool, typer.Option("--redact", help="Without addresses and hosts.")] = False,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Check settings, line, storage account, token and mailbox; send nothing."""
    findings: list[Finding] = []
    for finding in check_all(os.environ, config, Question(mailbox, identity, wait)):
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


def _show(finding: Finding) -> None:
    code = f" [{finding.code}]" if finding.code else ""
    say(
        f"{finding.verdict:<5} {finding.id} {finding.name:<13}{code} {finding.text}",
        _STYLES[finding.verdict],
    )
    if finding.fix and finding.verdict in ("fail", "warn"):
        say(f"      fix: {finding.fix}")
