"""A ledger with mail in it, and the command `relay` as a process."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from edge.strangers import Stranger, StrangerBook
from handoff.storage import Storage
from tests.console.past import Past
from tests.console.site import Site
from tests.edge.program import Edge, config

ROOT = Path(__file__).parents[2]


@pytest.fixture
def past(storage: Storage) -> Past:
    return Past(storage)


class Answer:
    """What a command said and how it ended."""

    def __init__(self, done: "subprocess.CompletedProcess[str]") -> None:
        self.code, self.out, self.talk = done.returncode, done.stdout, done.stderr

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Relay = Callable[..., Answer]


@pytest.fixture
def relay(mail_account: str) -> Relay:
    """Run `relay` as an operator does, with the account of the test in the environment."""

    def run(*arguments: str, **environment: str) -> Answer:
        known = {name: text for name, text in os.environ.items() if not name.startswith("EDGE_")}
        done = subprocess.run(
            [sys.executable, "-m", "console", *arguments],
            env=known | {"MailStorage": mail_account, "COLUMNS": "160"} | environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=60,
            check=False,
        )
        return Answer(done)

    return run


@pytest.fixture
def file(tmp_path: Path, mail_account: str) -> Iterator[Path]:
    """The settings of an edge that runs, with the ports that it has."""
    file = config(tmp_path, mail_account)
    edge = Edge(file)
    settled = tmp_path / "settled.toml"
    text = file.read_text().replace("127.0.0.1:0", edge.monitor, 1)
    for name in ("submission", "lan"):
        text = text.replace("127.0.0.1:0", f"127.0.0.1:{edge.ports[name]}", 1)
    settled.write_text(text)
    yield settled
    edge.child.kill()


Open = Callable[..., Site]


@pytest.fixture
def open_site(mail_account: str) -> Iterator[Open]:
    """Open a console; `environment` may name the edge beside it."""
    sites: list[Site] = []

    def open_site(*arguments: str, environment: Mapping[str, str] | None = None) -> Site:
        sites.append(Site(mail_account, *arguments, environment=environment))
        return sites[-1]

    yield open_site
    for site in sites:
        site.close()


ADDRESS = "10.0.8.77"


@pytest.fixture
def learnt(tmp_path: Path, mail_account: str) -> Path:
    """The settings of an edge that has noted strangers."""
    file = config(tmp_path, mail_account)
    (tmp_path / "spool").mkdir()
    book, now = StrangerBook(tmp_path / "spool"), datetime.now(UTC)
    book.note(Stranger("lan", ADDRESS, "HP-4200", "hp@contoso.com", {"contoso.com"}), now)
    book.note(Stranger("lan", ADDRESS, "HP-4200", "", {"x.org"}), now)
    book.note(Stranger("lan", "127.0.0.1", "known", "", set()), now)
    book.note(Stranger("lan", "no address", "<script>", "", set()), now)
    return file
