"""Real third-party mail clients at the other doors: TLS from the first octet, and no TLS at all.

Judged by what lies in the edge's spool, not by what the client says.
"""

import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from handoff.ticket import Ticket, decode
from tests.clients.letters import HIDDEN, TO, an_order, check_is_as_sent
from tests.clients.programs import CLIENTS, MailClient, run
from tests.edge.door import PASSWORD
from tests.edge.program import NOWHERE, Edge, config

SMTPS = """
[[listeners]]
name = "smtps"
address = "127.0.0.1:0"
tls = "implicit"
"""


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("edge")


@pytest.fixture(scope="module")
def edge(directory: Path) -> Iterator[Edge]:
    edge = Edge(config(directory, NOWHERE, SMTPS))
    yield edge
    edge.child.kill()


def spooled(directory: Path) -> list[tuple[Ticket, bytes]]:
    """What lies in the spool, oldest first."""
    with closing(sqlite3.connect(directory / "spool" / "spool.sqlite3")) as spool:
        rows = spool.execute("SELECT ticket, octets FROM entries ORDER BY seq").fetchall()
    return [(decode(ticket), octets) for ticket, octets in rows]


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_a_mail_comes_in_over_implicit_tls(
    client: MailClient, edge: Edge, directory: Path, tmp_path: Path
) -> None:
    if shutil.which(client.needs) is None and not Path(client.needs).exists():
        pytest.skip(f"{client.needs} is not installed: apt-get install it (see .ci/run)")
    order = an_order(
        tmp_path,
        f"Scan by {client.name}",
        port=edge.ports["smtps"],
        is_implicit=True,
        user="scanner",
        password=PASSWORD,
        certificate=directory / "tls" / "certificate.pem",
        sender="scan@contoso.com",
    )
    said = run(client, order)
    ticket, octets = spooled(directory)[-1]

    assert sorted(ticket.envelope.forward_paths) == sorted([TO, HIDDEN])
    assert order.subject.encode() in octets
    check_is_as_sent(client, order, octets)
    assert (client.name == "JavaMail") == (b"BDAT" in said)


@pytest.mark.skipif(
    shutil.which("smtp-source") is None, reason="Postfix's smtp-source is not installed"
)
@pytest.mark.parametrize("options", [(), ("-d",), ("-r", "20"), ("-l", "20000")])
def test_postfix_smtp_source_is_served(
    options: tuple[str, ...], edge: Edge, directory: Path
) -> None:
    before = len(spooled(directory))
    subprocess.run(
        [
            *("smtp-source", *options, "-s", "10", "-m", "100", "-f", "a@b.org", "-t", "c@d.org"),
            f"inet:127.0.0.1:{edge.ports['lan']}",
        ],
        check=True,
        timeout=60,
    )

    assert len(spooled(directory)) == before + 100
