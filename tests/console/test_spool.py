"""`relay spool`, beside a running edge and over the directory of a dead one."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.settings import SpoolSettings
from edge.spool import Spool
from handoff.storage import Storage
from handoff.ticket import encode
from tests.builders import MAIL, a_ticket
from tests.edge.program import NOWHERE, Edge, config

ROOT = Path(__file__).parent.parent.parent
LARGE = MAIL + b"0123456789\r\n" * 30_000


@pytest.fixture
def edge(tmp_path: Path) -> Iterator[Edge]:
    edge = Edge(config(tmp_path, NOWHERE))
    yield edge
    edge.child.kill()


def relay(*arguments: str | Path, code: int = 0) -> bytes:
    """The standard output of `relay spool` with `arguments`; its error output when it fails."""
    environment = {key: value for key, value in os.environ.items() if key != "EDGE_CONFIG"}
    done = subprocess.run(
        [sys.executable, "-m", "console", "spool", *arguments],
        cwd=ROOT,
        env=environment | {"COLUMNS": "200"},
        capture_output=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == code, done.stderr.decode()
    return done.stderr if code else done.stdout


def listed(*arguments: str | Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(relay("list", "--json", *arguments))
    return found


def test_what_waits_is_shown_while_the_edge_runs(edge: Edge, tmp_path: Path) -> None:
    ids = [edge.send(MAIL), edge.send(LARGE), edge.send(MAIL)]
    found = listed("--config", tmp_path / "edge.toml")

    assert [mail["id"] for mail in found["waiting"]] == ids
    assert (found["mails"], found["held"]) == (3, 0)
    assert found["octets"] == 2 * len(MAIL) + len(LARGE)
    assert edge.send(MAIL)


@pytest.mark.parametrize("mail", [MAIL, LARGE], ids=["small", "large"])
def test_content_comes_out_as_it_went_in(mail: bytes, edge: Edge, tmp_path: Path) -> None:
    mail_id = edge.send(mail)

    assert relay("export", mail_id, "-d", tmp_path / "spool") == mail

    edge.child.kill()
    relay("export", mail_id, "-d", tmp_path / "spool", "-o", tmp_path / "out.eml")

    assert (tmp_path / "out.eml").read_bytes() == mail
    assert b"File exists" in relay(
        "export", mail_id, "-d", tmp_path / "spool", "-o", tmp_path / "out.eml", code=1
    )


def test_a_dead_edge_can_be_looked_into_and_started_again(edge: Edge, tmp_path: Path) -> None:
    ids = [edge.send(MAIL) for _ in range(5)]
    edge.child.kill()

    assert [mail["id"] for mail in listed("-d", tmp_path / "spool")["waiting"]] == ids

    again = Edge(tmp_path / "edge.toml")
    again.child.kill()

    assert [mail["id"] for mail in listed("-d", tmp_path / "spool")["waiting"]] == ids


async def test_a_spool_at_rest_is_read_where_nothing_can_be_written(
    edge: Edge, tmp_path: Path
) -> None:
    mail_id = edge.send(MAIL)
    edge.child.stop()
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "spool").iterdir()}
    found = listed("-d", tmp_path / "spool")
    after = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "spool").iterdir()}

    assert [mail["id"] for mail in found["waiting"]] == [mail_id]
    assert {name: after.get(name) for name in before} == before


async def test_one_mail_is_shown_with_why_it_is_held(edge: Edge, tmp_path: Path) -> None:
    mail_id = edge.send(MAIL, to=("ann@contoso.com", "bob@contoso.com"))
    edge.child.stop()
    spool = Spool.open(SpoolSettings(directory=tmp_path / "spool"))
    (entry,) = await spool.next_entries(0, 1)
    await spool.hold(entry, "its file is gone")
    await spool.close()
    shown = json.loads(relay("show", mail_id, "--json", "-d", tmp_path / "spool"))

    assert shown["held"] == "its file is gone"
    assert shown["ticket"]["envelope"]["forward_paths"] == ["ann@contoso.com", "bob@contoso.com"]
    assert b"ann@contoso.com, bob@contoso.com" in relay("show", mail_id, "-d", tmp_path / "spool")
    assert b"its file is gone" in relay("list", "-d", tmp_path / "spool")


async def test_a_sealed_credential_is_not_shown(tmp_path: Path) -> None:
    spool = Spool.open(SpoolSettings(directory=tmp_path))
    ticket = a_ticket()
    sealed = ticket.send_as.model_copy(update={"sealed": "eyJhbGciOi.secret"})
    draft = spool.draft(ticket.id, 0)
    draft.take(MAIL)
    await spool.accept(draft, encode(ticket.model_copy(update={"send_as": sealed})))
    await spool.close()

    assert b"secret" not in relay("show", ticket.id, "--json", "-d", tmp_path)


def test_what_is_not_there_is_said(edge: Edge, tmp_path: Path) -> None:
    nobody = "01JD3V6Q8K5T0C9E8XW2M7B4FA"

    assert b"is not in this spool" in relay("show", nobody, "-d", tmp_path / "spool", code=1)
    assert b"no spool here" in relay("list", "-d", tmp_path, code=1)
    assert b"cannot be read" in relay("list", "--config", tmp_path / "no.toml", code=4)
    assert b"Usage" in relay("list", "--most", "0", code=2)


async def held(directory: Path, mail_id: str) -> None:
    spool = Spool.open(SpoolSettings(directory=directory))
    for entry in await spool.next_entries(0, 10):
        if entry.id == mail_id:
            await spool.hold(entry, "its file is gone")
    await spool.close()


async def test_a_held_mail_that_is_released_is_forwarded_by_the_edge_that_runs(
    edge: Edge, tmp_path: Path, mail_account: str, storage: Storage
) -> None:
    mail_id, other = edge.send(MAIL), edge.send(LARGE)
    edge.child.stop()
    await held(tmp_path / "spool", mail_id)
    again = Edge(config(tmp_path, mail_account))
    again.child.wait_for(lambda line: '"queued"' in line and other in line, 20)
    waiting = [mail["id"] for mail in listed("-d", tmp_path / "spool")["waiting"]]

    released = relay("release", mail_id, "--json", "-d", tmp_path / "spool")
    again.child.wait_for(lambda line: '"queued"' in line and mail_id in line, 20)
    code = again.child.stop()

    assert waiting == [mail_id]
    assert json.loads(released) == {"released": mail_id, "was_held": "its file is gone"}
    assert [event["id"] for event in again.events("released")] == [mail_id]
    assert code == 0
    assert len(list(storage.outbound.receive_messages())) == 2


async def test_a_held_mail_of_a_dead_edge_is_forwarded_by_the_next(
    edge: Edge, tmp_path: Path, mail_account: str
) -> None:
    mail_id = edge.send(MAIL)
    edge.child.stop()
    await held(tmp_path / "spool", mail_id)
    relay("release", mail_id, "--config", tmp_path / "edge.toml")

    again = Edge(config(tmp_path, mail_account))
    again.child.wait_for(lambda line: '"queued"' in line and mail_id in line, 20)
    again.child.kill()


def test_what_is_not_held_cannot_be_released(edge: Edge, tmp_path: Path) -> None:
    mail_id = edge.send(MAIL)

    assert b"is not held" in relay("release", mail_id, "-d", tmp_path / "spool", code=1)
    assert b"is not in this spool" in relay("release", "x", "-d", tmp_path / "spool", code=1)
    assert b"no spool here" in relay("release", mail_id, "-d", tmp_path, code=1)
