"""One round of all checks, for the command line and for the web console."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from console.doctor.cloud import ask_function_app, check_storage
from console.doctor.edge import check_edge
from console.doctor.identities import naming, whom_to_ask
from console.doctor.network import check_network
from console.place import account_of, edge_settings
from edge.settings import Device, EdgeSettings
from edge.settings_file import SettingsError
from handoff.account import Account, NoAccount
from handoff.findings import Finding
from handoff.storage import Storage


@dataclass(frozen=True)
class Question:
    """What the function app is asked."""

    mailbox: str = ""
    """"" for that of a device."""
    identity: str = ""
    """"" for each that a device names."""
    wait: float = 30
    """Seconds for each answer."""


def check_all(
    environment: Mapping[str, str], config: Path | None, question: Question
) -> Iterator[Finding]:
    """Each finding as soon as it is known."""
    now = datetime.now(UTC)
    settings: EdgeSettings | None = None
    try:
        settings = edge_settings(environment, config)
    except SettingsError as fault:
        for line in fault.faults:
            yield Finding(
                "L01", "settings", "fail", line, fix="docs/edge-settings.md has each key."
            )
    if settings is not None:
        yield from check_edge(settings, now)
    try:
        account = account_of(environment, config)
    except (NoAccount, SettingsError) as fault:
        yield Finding("N01", "names", "fail", str(fault), fix="Name the storage account.")
        return
    yield from check_network(account, now)
    yield from _cloud(account, question, settings.devices if settings else ())


def first_to_fix(findings: Iterable[Finding]) -> Finding | None:
    """What fails first stands in the way of the rest; without any, the first warning. Pure."""
    known = list(findings)
    by_verdict = ([one for one in known if one.verdict == verdict] for verdict in ("fail", "warn"))
    return next((some[0] for some in by_verdict if some), None)


def _cloud(account: Account, question: Question, devices: Sequence[Device]) -> Iterable[Finding]:
    with Storage(account) as storage:
        found: Sequence[Finding] = list(check_storage(storage, datetime.now(UTC)))
        yield from found
        if found[0].verdict == "fail":
            yield Finding("G01", "function app", "skip", "Needs S01.")
            return
        several = whom_to_ask(devices, question.identity, question.mailbox)
        if not several:
            yield Finding("G01", "function app", "skip", "Name a mailbox to ask about.")
        for asked in several:
            answer = list(ask_function_app(storage, asked.identity, asked.mailbox, question.wait))
            yield from answer if len(several) == 1 else naming(asked.identity, answer)
            if answer[0].verdict == "fail":
                return  # who does not answer for one does not for the others
