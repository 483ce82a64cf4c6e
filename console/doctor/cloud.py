"""The checks of the storage account, and of the function app by asking it."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from azure.core.exceptions import AzureError

from console.remedies import remedy_of
from console.storage_faults import code_of, sentence_of
from handoff.alarms import open_alarms
from handoff.findings import Finding, read_findings
from handoff.ids import new_id
from handoff.queues import read_queues
from handoff.signals import PROBE_LIVES_SECONDS, Probe, encode_signal
from handoff.storage import Storage

_LOOK_SECONDS = 0.25
_OLD_SECONDS = 900
_ROLE = "Give yourself the role, on the storage account: az role assignment create --role "


def check_storage(storage: Storage, now: datetime) -> Iterator[Finding]:
    tries: tuple[tuple[str, str, Callable[[], object], str], ...] = (
        ("S01", "queue", storage.outbound.get_queue_properties, "Storage Queue Data Reader"),
        ("S02", "table", lambda: open_alarms(storage.status), "Storage Table Data Reader"),
        ("S03", "blobs", storage.dead_letters.get_container_properties, "Storage Blob Data Reader"),
    )
    failed = False
    for id_, name, look, role in tries:
        try:
            look()
        except (AzureError, ValueError) as fault:
            failed = True
            code = code_of(fault)
            yield Finding(id_, name, "fail", sentence_of(fault), code, _fix(code, role))
        else:
            yield Finding(id_, name, "ok", "It can be read.")
    if failed:
        yield Finding("S04", "backlog", "skip", "Needs S01 to S03.")
        yield Finding("S05", "alarms", "skip", "Needs S02.")
        return
    yield _backlog(storage, now)
    yield from _alarms(storage)


def ask_function_app(
    storage: Storage, identity: str, mailbox: str, seconds: float
) -> Iterator[Finding]:
    """Put a probe into the queue and wait for its answer."""
    now = datetime.now(UTC)
    try:
        probe = Probe(id=new_id(now), asked_at=now, identity=identity, mailbox=mailbox)
    except ValueError:
        text = f'"{identity}" is no name of an identity, or "{mailbox}" no mailbox.'
        yield Finding("G01", "function app", "fail", text, fix="Correct it, and ask again.")
        yield from _SKIPPED
        return
    try:
        storage.outbound.send_message(encode_signal(probe), time_to_live=PROBE_LIVES_SECONDS)
        findings = _answer_to(probe.id, storage, seconds)
    except AzureError as fault:
        fix = f'{_ROLE}"Storage Queue Data Message Sender"'
        yield Finding("G01", "function app", "fail", sentence_of(fault), fix=fix)
        findings = ()
    if findings is None:
        yield Finding(
            "G01",
            "function app",
            "fail",
            f"No answer within {seconds:.0f} s.",
            fix="Is the function app running, and does it have the settings of this storage "
            "account? Its log says misconfigured otherwise.",
        )
    yield from map(_with_fix, findings or _SKIPPED)


_SKIPPED = (
    Finding("G02", "token", "skip", "Needs G01."),
    Finding("G03", "mailbox", "skip", "Needs G01."),
)


def _answer_to(probe_id: str, storage: Storage, seconds: float) -> tuple[Finding, ...] | None:
    give_up_at = time.monotonic() + seconds
    while time.monotonic() < give_up_at:
        findings = read_findings(probe_id, storage.status)
        if findings is not None:
            return tuple(findings)
        time.sleep(_LOOK_SECONDS)
    return None


def _with_fix(finding: Finding) -> Finding:
    if finding.verdict != "fail" or finding.fix:
        return finding
    fix = remedy_of(finding.code).fix
    return Finding(finding.id, finding.name, "fail", finding.text, finding.code, fix)


def _backlog(storage: Storage, now: datetime) -> Finding:
    queues = read_queues(storage, now)
    if queues.oldest_seconds > _OLD_SECONDS:
        text = f"{queues.outbound:,} wait, the oldest for {queues.oldest_seconds:,} s."
        return Finding("S04", "backlog", "fail", text, fix="See G01: who takes from the queue?")
    if queues.poison:
        text = f"{queues.poison:,} failed again and again; the next round makes dead letters of it."
        return Finding("S04", "backlog", "warn", text, fix="relay dead list --code poison")
    return Finding("S04", "backlog", "ok", f"{queues.outbound:,} wait.")


def _alarms(storage: Storage) -> Iterator[Finding]:
    alarms = open_alarms(storage.status)
    for alarm in alarms:
        yield Finding(
            "S05", "alarms", "warn", alarm.sentence, alarm.code, remedy_of(alarm.code).fix
        )
    if not alarms:
        yield Finding("S05", "alarms", "ok", "None is open.")


def _fix(code: str, role: str) -> str:
    if code in ("QueueNotFound", "ContainerNotFound", "TableNotFound", "ResourceNotFound"):
        return "It is not there: deploy the infrastructure, or correct the account's name."
    if code in ("AuthorizationFailure", "SourceIPMismatch"):
        return "The account's firewall keeps this machine out: add its address."
    if code == "AuthenticationFailed":
        return "The key or signature is wrong or expired, or the clock is off (N03)."
    return f'{_ROLE}"{role}"; it takes up to ten minutes to be seen.'
