"""Do what the plan says to the running relay, and put it right again."""

import errno
import random
import signal
import socket
import threading
import time
from collections import Counter
from typing import Any, get_args

from torture.disk import Platter, read_records
from torture.machine import Machine, wait_until
from torture.plan import Break
from torture.strangers import strange_messages
from torture.way import Mode

_MODES = get_args(Mode)
_SEND = ("sendMail", "send")
_BUSY = {"error": {"code": "ApplicationThrottled", "message": "Over its limit."}}
_EXPIRED = 7000222
_GRAPH: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "429": (_SEND, {"status": 429, "headers": {"Retry-After": "2"}, "body": _BUSY}),
    "503": (_SEND, {"status": 503}),
    "504, mail taken": (_SEND, {"status": 504, "take": True, "times": 10}),
    "reset, mail taken": (_SEND, {"reset": True, "take": True, "times": 10}),
    "reset": (_SEND, {"reset": True}),
    "hang": (_SEND, {"hang": True, "times": 3}),
    "no answer, mail taken": (_SEND, {"hang": True, "take": True, "times": 3}),
    "drafts fail": (("messages", "session", "upload", "attachments", "send"), {"status": 503}),
    "credential expired": (("token",), {"aadsts": _EXPIRED, "status": 401}),
    "sign-in down": (("token",), {"status": 503}),
}
_NAMES = {
    "no name server": socket.EAI_AGAIN,
    "name unknown": socket.EAI_NONAME,
    "name server hangs": socket.EAI_AGAIN,
}
_ALWAYS = 1_000_000


class Faults:
    """The one who breaks things. Each lane is used by one thread."""

    def __init__(self, machine: Machine, seed: int) -> None:
        self._machine = machine
        self._chance = random.Random(seed)
        self._account_is_up = threading.Lock()
        self.done: Counter[str] = Counter()
        self.strangers = 0
        """Strange messages that were put into the queue."""
        self.complaints: list[str] = []
        """What did not behave as it must while it was broken."""

    def commit(self, one: Break) -> None:
        """Break, wait, and heal."""
        {
            "edge": self._edge,
            "function": self._function,
            "storage": self._storage,
            "graph": self._graph,
        }[one.lane](one)
        self.done[f"{one.lane}: {one.name}"] += 1

    # The edge and its disk.

    def _edge(self, one: Break) -> None:
        machine, disk = self._machine, self._machine.disk
        match one.name:
            case "killed" | "power cut":
                machine.kill_edge()
            case "killed at a point":
                disk.kill_at(*one.detail.split())
                wait_until(lambda: not machine.edge_lives(), one.seconds)
            case "disk full":
                disk.fail("write:any", errno.ENOSPC)
                time.sleep(one.seconds)
            case "read-only disk":
                disk.fail("any:any", errno.EROFS)
                time.sleep(one.seconds)
            case "failed flush":
                self._fail_flush(one)
            case "restarted":
                self._expect(machine.stop_edge() == 0, "the edge did not exit with 0")
            case "clock steps":
                disk.step_clock(int(one.detail))
                time.sleep(one.seconds)
        disk.heal()
        report = machine.edge_report()
        if machine.edge_lives() and report.get("checks", {}).get("spool"):
            return
        machine.kill_edge()
        if one.name == "power cut":
            self._cut_power()
        machine.start_edge()

    def _fail_flush(self, one: Break) -> None:
        machine = self._machine
        machine.disk.fail(one.detail, errno.EIO)
        told = wait_until(
            lambda: machine.edge_report().get("checks", {}).get("spool") is False, one.seconds + 5
        )
        self._expect(told or one.detail != "sync:log", "a failed flush was not told by /ready")

    def _cut_power(self) -> None:
        spool = self._machine.spool
        platter = Platter()
        platter.take_over(self._machine.spool_before)
        platter.turn(read_records(self._machine.disk.record))
        for file in spool.iterdir():
            file.unlink()
        platter.cut_power(spool, self._chance)

    # The function app.

    def _function(self, one: Break) -> None:
        machine = self._machine
        match one.name:
            case "killed":
                machine.kill_functions()
                time.sleep(one.seconds)
                machine.start_function()
            case "restarted":
                codes = set(machine.stop_functions())
                # Azure, too, kills in the end what waits for a provider that says nothing.
                self._expect(
                    codes <= {0, -signal.SIGKILL}, f"the function host exited with {codes}"
                )
                machine.start_function()
            case "two at once":
                machine.start_function()
                time.sleep(one.seconds)
            case "strange messages":
                self._put_strangers()

    def _put_strangers(self) -> None:
        for text in strange_messages():
            with self._account_is_up:
                self._machine.storage.outbound.send_message(text, time_to_live=-1)
            self.strangers += 1

    # The storage account.

    def _storage(self, one: Break) -> None:
        if one.name in _MODES:
            way = self._machine.way
            mode: Mode = next(mode for mode in _MODES if mode == one.name)
            way.set_mode(mode)
            time.sleep(one.seconds)
            way.set_mode("open")
        elif one.name in _NAMES:
            self._fail_names(one)
        else:
            with self._account_is_up:
                self._machine.restart_storage(without_leases=one.name != "restarted")

    def _fail_names(self, one: Break) -> None:
        """For all names, Microsoft Graph's and Entra's too."""
        machine, hangs = self._machine, one.name == "name server hangs"
        machine.resolver.fail(_NAMES[one.name], one.seconds if hangs else 0)
        machine.way.set_mode("open")  # breaks off what is open: nothing is looked up for that
        time.sleep(one.seconds)
        machine.resolver.heal()

    # Microsoft Graph and Entra.

    def _graph(self, one: Break) -> None:
        routes, fault = _GRAPH[one.name]
        if routes == ("token",):
            # A token that is held already goes on to work: take it away.
            revoked = {"route": "sendMail", "claims": True, "times": 3}
            self._fail({"route": "token", "times": _ALWAYS} | fault, revoked)
        else:
            self._fail(*({"route": route, "times": _ALWAYS} | fault for route in routes))
        time.sleep(one.seconds)
        self._machine.simulator.fail()

    def _fail(self, *faults: dict[str, Any]) -> None:
        self._machine.simulator.fail(*faults)

    def _expect(self, is_so: bool, complaint: str) -> None:
        if not is_so:
            self.complaints.append(complaint)
