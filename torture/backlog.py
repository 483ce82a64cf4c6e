"""`python -m torture.backlog`: a long outage of the uplink, and the flood behind it.

The storage account is out of reach while mails come in as fast as the door takes them; then it is
back. Shown: that all were taken, that the edge stayed ready, how long it took to hand all over, in
which order, and the most memory that the edge had.
"""

import argparse
import json
import smtplib
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from local.child import Child
from torture.clients import address_of
from torture.machine import DEVICES, Machine, running, wait_until

_MOST_SECONDS = 1800


@dataclass(frozen=True)
class Flood:
    """What an outage has shown."""

    mails: int
    octets: int
    taken_in: float
    """Seconds."""
    status: str
    """What /ready said during the outage."""
    handed_over_in: float
    queued: int
    furthest: int
    """By how many places a mail left the queue of the spool early or late, at most."""
    megabytes_before: int
    """Memory of the edge, full of waiting mails."""
    megabytes_most: int
    """The most while it handed them over."""
    spool_left: int
    """Octets of the spool's files, at the end."""


def flood(mails: int, octets: int, program: type[Child] = Child) -> Flood:
    """Take `mails` of `octets` during an outage, then hand them over."""
    with running(program) as machine:
        machine.kill_functions()
        machine.way.set_mode("refuse")
        began = time.monotonic()
        taken = _send_all(machine, mails, octets)
        taken_in = time.monotonic() - began
        status = str(machine.edge_report()["status"])
        before = _megabytes(machine, "VmRSS")
        machine.way.set_mode("open")
        began = time.monotonic()
        wait_until(lambda: _waiting(machine) == 0, _MOST_SECONDS)
        handed_over_in = time.monotonic() - began
        most = _megabytes(machine, "VmHWM")
        order = machine.edge_events("queued")
        queue = machine.storage.outbound.get_queue_properties()
        machine.stop_edge()
        return Flood(
            mails=mails,
            octets=octets,
            taken_in=taken_in,
            status=status,
            handed_over_in=handed_over_in,
            queued=queue.approximate_message_count or 0,
            furthest=_furthest(taken, order),
            megabytes_before=before,
            megabytes_most=most,
            spool_left=sum(file.stat().st_size for file in machine.spool.iterdir()),
        )


def _send_all(machine: Machine, mails: int, octets: int) -> list[str]:
    """The ids, in the order in which the edge spooled them."""
    content = b"Subject: flood\r\n\r\n" + b"0123456789012345678901234567890123456789\r\n" * (
        octets // 42
    )
    share = -(-mails // DEVICES)

    def send(device: int) -> None:
        address = (address_of(device), 0)
        with smtplib.SMTP("127.0.0.1", machine.port, timeout=120, source_address=address) as door:
            for _ in range(min(share, mails - device * share)):
                door.sendmail("device@contoso.com", ["ann@contoso.com"], content)

    with ThreadPoolExecutor(DEVICES) as devices:
        list(devices.map(send, range(DEVICES)))
    # The log may be a moment behind the last 250.
    wait_until(lambda: len(machine.edge_events("spooled")) >= mails, 30)
    return machine.edge_events("spooled")


def _waiting(machine: Machine) -> int:
    return int(machine.edge_report()["spool"]["mails"])


def _furthest(taken: Sequence[str], left: Sequence[str]) -> int:
    places = {mail_id: place for place, mail_id in enumerate(taken)}
    return max((abs(places[mail_id] - place) for place, mail_id in enumerate(left)), default=0)


def _megabytes(machine: Machine, what: str) -> int:
    lines = Path(f"/proc/{machine.edge_pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith(f"{what}:"))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m torture.backlog", description=__doc__)
    parser.add_argument("--mails", type=int, default=50_000)
    parser.add_argument("--octets", type=int, default=2_000, help="of each")
    arguments = parser.parse_args()
    outcome = flood(arguments.mails, arguments.octets)
    sys.stdout.write(json.dumps(vars(outcome), indent=1) + "\n")
    return 0 if outcome.queued == outcome.mails else 1


if __name__ == "__main__":
    sys.exit(main())
