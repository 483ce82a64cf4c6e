"""A console over a full ledger, and visits to each of its pages."""

import json
import os
import random
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import requests

from bench.console.past import CODES, DAYS, DEVICES, MAILBOXES, RARE
from handoff.account import Account
from handoff.dead_letters import DeadLetter, DeadLetters
from handoff.ids import first_id
from handoff.storage import Storage
from local.azurite import Azurite
from local.child import Child

ROOT = Path(__file__).parents[2]
DEAD_LETTERS = 60
_SECONDS = 30
_MAIL = b"From: scan@contoso.com\r\nTo: ann@contoso.com\r\nSubject: Scan\r\n\r\nHello.\r\n"


@dataclass(frozen=True)
class Visit:
    """One answer of the console, and what it cost the table service."""

    milliseconds: float
    status: int
    cpu: float
    """Milliseconds that the console computed, in all its threads."""
    rows: int
    requests: int
    strange: tuple[str, ...]
    """Queries without bounds, and questions that the service does not know."""


@dataclass
class Visits:
    """Of one page."""

    all: list[Visit] = field(default_factory=list)

    @property
    def times(self) -> list[float]:
        return [visit.milliseconds for visit in self.all]

    @property
    def median(self) -> float:
        return median(self.times)

    @property
    def p95(self) -> float:
        return quantiles(self.times, n=20, method="inclusive")[-1]


class Console:
    """A running console, and the table service behind it."""

    def __init__(self, address: str, pid: int, tables: str) -> None:
        self._address, self._pid, self._tables = address, pid, tables
        self._session = requests.Session()

    def visit(self, path: str) -> tuple[Visit, str]:
        self._count()
        began, computed = time.perf_counter(), self._computed()
        answer = self._session.get(self._address + path, timeout=_SECONDS)
        took = (time.perf_counter() - began) * 1000
        cpu = self._computed() - computed
        counted = self._count()
        strange = (*counted["unbounded"], *counted["refused"])
        rows, asked = counted["looked_at"], counted["requests"]
        return Visit(took, answer.status_code, cpu, rows, asked, strange), answer.text

    def close(self) -> None:
        self._session.close()

    def _computed(self) -> float:
        """Milliseconds since its start."""
        words = Path(f"/proc/{self._pid}/stat").read_text("ascii").rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) * 1000 / os.sysconf("SC_CLK_TCK")

    def _count(self) -> Mapping[str, Any]:
        with requests.get(f"{self._tables}/counted", timeout=_SECONDS) as told:
            counted: Mapping[str, Any] = json.loads(told.text)
            return counted


@contextmanager
def console(mails: int, storage_account: str) -> Iterator[Console]:
    """Over `mails` in thirty days; blobs and queues are those of `storage_account`."""
    with ExitStack() as stack:
        tables = stack.enter_context(
            Child([sys.executable, "-m", "bench.console.table_server", str(mails)], directory=ROOT)
        )
        address = tables.wait_for(lambda line: line.startswith("http://"), 120)
        account = re.sub(
            r"TableEndpoint=http://[^/]+/", f"TableEndpoint={address}/", storage_account
        )
        site = stack.enter_context(
            Child(
                [sys.executable, "-m", "console", "console", "--port", "0"],
                environment=os.environ | {"MailStorage": account},
                directory=ROOT,
            )
        )
        said = site.wait_for(lambda line: line.startswith("http://"), 60)
        found = Console(said, site.pid, address)
        stack.callback(found.close)
        yield found


@contextmanager
def blobs_and_queues(directory: Path) -> Iterator[str]:
    """Of Azurite, with some dead letters."""
    with Azurite(directory) as azurite:
        account = azurite.provision()
        now = datetime.now(UTC)
        with Storage(Account(connection_string=account)) as storage:
            letters = DeadLetters(storage.dead_letters)
            for number in range(DEAD_LETTERS):
                letter_id = first_id(now - timedelta(hours=number))
                code = CODES[number % len(CODES)]
                letters.keep(DeadLetter(letter_id, code, "It was so.", now, "{}"), [_MAIL])
        yield account


Address = Callable[[random.Random], str]


def _moment(dice: random.Random) -> str:
    at = datetime.now(UTC) - timedelta(days=dice.uniform(0.1, DAYS - 1))
    return f"{at:%Y-%m-%dT%H:%M}"


PAGES: Mapping[str, Address] = {
    "overview": lambda dice: f"/?span={dice.choice(['1h', '24h', '7d'])}",
    "deliveries": lambda dice: "/deliveries",
    "deliveries, some day": lambda dice: f"/deliveries?q=before:{_moment(dice)}",
    "device:": lambda dice: f"/deliveries?q=device:scanner-{dice.randrange(DEVICES)}",
    "device: on some day": lambda dice: (
        f"/deliveries?q=device:scanner-{dice.randrange(DEVICES)}+before:{_moment(dice)}"
    ),
    "device: of few mails": lambda dice: f"/deliveries?q=device:{RARE}",
    "state:dead": lambda dice: "/deliveries?q=state:dead",
    "mailbox: and state:": lambda dice: (
        f"/deliveries?q=mailbox:noreply-{dice.randrange(MAILBOXES)}@contoso.com+state:dead"
    ),
    "to: somebody": lambda dice: f"/deliveries?q=to:person{dice.randrange(5000)}@",
    "a word that nothing has": lambda dice: f"/deliveries?q=nothing{dice.randrange(10**9)}",
    "failed": lambda dice: "/failed",
    "devices": lambda dice: "/devices",
}


def go_round(site: Console, visits: Mapping[str, Visits], dice: random.Random) -> None:
    """Visit each page once, go on to its older mails, and open one of the mails it shows."""
    for name, address in PAGES.items():
        seen, text = site.visit(address(dice))
        visits[name].all.append(seen)
        older = re.search(r'href="(/deliveries\?[^"]*older=[^"]*)"', text)
        if older is not None:
            seen, _ = site.visit(older[1].replace("&amp;", "&"))
            visits["older mails"].all.append(seen)
        mails = re.findall(r'href="(/messages/[0-9A-Z]{26})"', text)
        if mails and name != "failed":  # those are in no ledger
            seen, _ = site.visit(dice.choice(mails))
            visits["a message"].all.append(seen)
