"""One run: send, break, heal, wait, reconcile."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from local.child import Child
from torture.account import NO_REPLY, Account
from torture.clients import Clients
from torture.faults import Faults
from torture.machine import DEVICES, Machine, running
from torture.mails import numbered_mail
from torture.plan import FAULTS, Break, plan
from torture.quiet import Inbox, settle, take_stock
from torture.reconcile import UNSURE, findings

_MAILS_A_SECOND = 12
_PROGRESS_SECONDS = 5
Say = Callable[[str], None]


@dataclass(frozen=True)
class Outcome:
    """What a run has shown."""

    seed: int
    seconds: float
    mails: int
    promised: int
    """Mails that got a 250."""
    refused: int
    unanswered: int
    arrived: int
    dead: int
    unsure: int
    """Refused because of a failed flush, and on the disk all the same."""
    faults: Mapping[str, int]
    findings: list[str]


def run(
    seed: int, seconds: float, say: Say, haste: float = 1, program: type[Child] = Child
) -> Outcome:
    """Break the relay for `seconds`, and see whether all promises were kept."""
    began = time.monotonic()
    breaks = plan(seed, seconds, haste)
    # The threads of the lanes start parts of the relay, and must outlive them.
    with ThreadPoolExecutor(len(FAULTS)) as lanes, running(program) as machine:
        account = Account(machine.directory / "account.jsonl")
        faults, inbox = Faults(machine, seed), Inbox(machine.simulator)
        clients = Clients(seed, machine.port, account, _MAILS_A_SECOND)
        with clients.sending(DEVICES):
            _break(lanes, faults, breaks, seconds, lambda: say(_progress(account, inbox)))
        if not settle(machine, account, say, haste):
            faults.complaints.append("it did not come to rest")
        inbox.fetch()
        return _outcome(machine, account, faults, inbox, seed, time.monotonic() - began)


def _break(
    lanes: ThreadPoolExecutor,
    faults: Faults,
    breaks: list[Break],
    seconds: float,
    tell: Callable[[], None],
) -> None:
    began = time.monotonic()

    def walk(lane: str) -> None:
        for one in breaks:
            # To put a part right again takes time of its own; what is late then is left out.
            if one.lane == lane and time.monotonic() < began + seconds:
                time.sleep(max(0.0, began + one.at - time.monotonic()))
                faults.commit(one)

    walking: list[Future[None]] = [lanes.submit(walk, lane) for lane in FAULTS]
    told = began
    while not all(one.done() for one in walking):
        time.sleep(0.2)
        if time.monotonic() > told + _PROGRESS_SECONDS:
            told = time.monotonic()
            tell()
    for one in walking:
        one.result()


def _progress(account: Account, inbox: Inbox) -> str:
    promised = sum(one.code == 250 for one in account.heard)
    return f"{len(account.heard)} mails, {promised} got a 250, {inbox.fetch()} arrived"


def _outcome(
    machine: Machine, account: Account, faults: Faults, inbox: Inbox, seed: int, seconds: float
) -> Outcome:
    stock = take_stock(machine, faults)
    account.close()
    heard = account.heard
    mails = {one.number: numbered_mail(seed, one.number) for one in heard}
    arrived = {arrival.number for arrival in inbox.arrivals}
    return Outcome(
        seed=seed,
        seconds=seconds,
        mails=len(heard),
        promised=sum(one.code == 250 for one in heard),
        refused=sum(one.code not in (250, NO_REPLY) for one in heard),
        unanswered=sum(one.code == NO_REPLY for one in heard),
        arrived=len(inbox.arrivals),
        dead=sum(one.id in stock.dead_letters for one in heard if one.id),
        unsure=sum(one.code == UNSURE and one.number in arrived for one in heard),
        faults=dict(faults.done),
        findings=faults.complaints + findings(heard, inbox.arrivals, mails, stock),
    )
