"""Heal everything, let time pass, and take stock."""

import time
from collections.abc import Callable

from local.graph_simulator.client import ReceivedMail, SimulatorClient
from torture.account import Account
from torture.faults import Faults
from torture.machine import Machine, wait_until
from torture.mails import mark_of, number_of
from torture.reconcile import Arrival, Stock

_ENDED = ("sent", "dead")
_A_ROUND_SECONDS = 5
_SETTLE_SECONDS = 200


class Inbox:
    """What has arrived at Graph, fetched little by little, without the octets."""

    def __init__(self, simulator: SimulatorClient) -> None:
        self._simulator = simulator
        self.arrivals: list[Arrival] = []

    def fetch(self) -> int:
        self.arrivals += map(_arrival, self._simulator.mails(len(self.arrivals)))
        return len(self.arrivals)


def _arrival(mail: ReceivedMail) -> Arrival:
    mark = mail.attachments[0].sha256 if mail.attachments else mark_of(mail.mime)
    return Arrival(number_of(mail.message_id), frozenset(mail.recipients), mark)


def settle(machine: Machine, account: Account, say: Callable[[str], None], haste: float) -> bool:
    """Heal everything, and see whether all comes to rest; with `haste` it is looked at more often.

    The long pauses of mails that were deferred are cut short: a storage account that has
    forgotten its leases gives back at once what would come back within hours.
    """
    machine.way.set_mode("open")
    machine.simulator.fail()
    machine.disk.heal()
    machine.kill_functions()
    machine.start_function()
    give_up_at = time.monotonic() + _SETTLE_SECONDS
    while time.monotonic() < give_up_at:
        say(f"settling, {_waiting(machine, account)} wait")
        if wait_until(lambda: not _waiting(machine, account), _A_ROUND_SECONDS / haste):
            return True
        if not _spooled(machine):
            machine.restart_storage(without_leases=True)
    return False


def _waiting(machine: Machine, account: Account) -> int:
    """Mails that have not had their end, and queue messages."""
    states = states_of(machine)
    promised = [one.id for one in account.heard if one.code == 250]
    undone = sum(states.get(mail_id) not in _ENDED for mail_id in promised)
    return undone + _spooled(machine) + _depth(machine)


def _spooled(machine: Machine) -> int:
    return int(machine.edge_report().get("spool", {}).get("mails", 1))


def _depth(machine: Machine) -> int:
    queue = machine.storage.outbound.get_queue_properties()
    return queue.approximate_message_count or 0


def states_of(machine: Machine) -> dict[str, str]:
    rows = machine.storage.deliveries.list_entities(select=["RowKey", "state"])
    return {row["RowKey"]: row["state"] for row in rows}


def take_stock(machine: Machine, faults: Faults) -> Stock:
    """Stop everything that writes, and count what is there."""
    spooled = _spooled(machine)
    faults.complaints += [f"at the end {code} was the exit code" for code in _stop(machine) if code]
    names = list(machine.storage.dead_letters.list_blob_names())
    return Stock(
        states=states_of(machine),
        dead_letters={
            name.removesuffix(".json"): _reason(machine, name)
            for name in names
            if name.endswith(".json")
        },
        left={
            "the queue": _depth(machine),
            "the poison queue": len(machine.storage.poison.peek_messages(max_messages=32)),
            "the container for content": sum(1 for _ in machine.storage.mail.list_blob_names()),
            "the spool": spooled,
            "files of the spool": len(list(machine.spool.glob("*.eml"))),
            "drafts in mailboxes": len(machine.simulator.state()["drafts"]),
        },
        strangers=faults.strangers,
    )


def _stop(machine: Machine) -> list[int]:
    return [machine.stop_edge(), *machine.stop_functions()]


def _reason(machine: Machine, name: str) -> str:
    letter = machine.storage.dead_letters.download_blob(name).readall()
    return f"{len(letter)} octets" if b'"reason": ""' not in letter else ""
