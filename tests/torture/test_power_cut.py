"""The power goes at any moment: what got a 250 is in the spool, whole, and nothing is torn.

A kill shows nothing of this, since the kernel keeps what was written. So the edge runs on a disk
that writes down what was flushed, and every moment of one run is looked at.
"""

import random
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import pytest

from handoff.storage import Storage
from handoff.ticket import decode
from tests.edge.program import NOWHERE, config
from tests.torture.disks import LARGE, SMALL, Edge, a_disk, needs_compiler, whole_mails
from torture.disk import Platter, Record, read_records

CUTS = 40
MAILS = 40
pytestmark = needs_compiler


def a_run(directory: Path, account: str, forwarded: int = 0) -> list[Record]:
    """What an edge did on its disk while several clients sent mails, until it was killed."""
    disk = a_disk(directory)
    edge = Edge(config(directory, account), **disk.environment())
    with ThreadPoolExecutor(6) as clients:
        list(clients.map(edge.send, [SMALL, LARGE, SMALL, SMALL] * (MAILS // 4)))
    for _ in range(forwarded):
        edge.child.wait_for(lambda line: '"queued"' in line, 20)
    edge.child.kill()
    return list(read_records(disk.record))


def platters(records: list[Record], cuts: Iterable[int], lies_about: str = "") -> Iterable[Platter]:
    """The disk at each of `cuts`, which must rise."""
    platter, rest, turned = Platter(lies_about), iter(records), 0
    for cut in cuts:
        platter.turn(islice(rest, cut - turned))
        turned = cut
        yield platter


def moments(records: list[Record], chance: random.Random) -> list[int]:
    return [*sorted(chance.sample(range(len(records)), CUTS)), len(records)]


async def losses(
    records: list[Record], directory: Path, safe_elsewhere: set[str], lies_about: str = ""
) -> set[str]:
    """What got a 250 and is gone, at the first moment at which that may be, if there is any.

    Whatever else has survived: nothing, and some of it.
    """
    chance = random.Random(20261121)
    for number, platter in enumerate(platters(records, moments(records, chance), lies_about)):
        for luck in (None, chance):
            left = directory / f"{number}-{luck is None}"
            platter.cut_power(left, luck)
            lost = platter.promised - await whole_mails(left) - safe_elsewhere
            if lost:
                return lost
    return set()


async def test_a_power_cut_loses_nothing_that_got_a_250(tmp_path: Path) -> None:
    records = a_run(tmp_path, NOWHERE)

    assert sum(one.kind == "A" for one in records) == MAILS
    assert await losses(records, tmp_path / "cuts", set()) == set()


async def test_what_left_the_spool_before_a_power_cut_is_in_the_queue(
    tmp_path: Path, storage: Storage, mail_account: str
) -> None:
    records = a_run(tmp_path, mail_account, forwarded=MAILS // 2)
    queued = {
        decode(message.content).id
        for message in storage.outbound.receive_messages(messages_per_page=32)
    }

    assert len(queued) >= 1
    assert await losses(records, tmp_path / "cuts", queued) == set()


@pytest.mark.parametrize("lies_about", ["-wal", ".eml", "/"])
async def test_a_disk_that_only_pretends_to_flush_is_found_out(
    lies_about: str, tmp_path: Path
) -> None:
    """The proof that these tests would see a flush that is missing."""
    records = a_run(tmp_path, NOWHERE)
    with pytest.raises((AssertionError, OSError)):
        assert await losses(records, tmp_path / "cuts", set(), lies_about) == set()
