"""Programs that start at once: each is forked from a process that has imported it already.

Most of the time of a start goes into imports, and tests start hundreds of programs. What is forked
here is a process of its own all the same: it has its own session, output and exit code, gets its
arguments and environment as a new one would, and is killed for real. Tests of the start itself, and
of what a program imports, use `local.child.Child`.

`Forked` is made like a `Child`, with the command `[sys.executable, "-m", MODULE, ...]`.
"""

import array
import atexit
import ctypes
import importlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from local.child import Child, Process

_PROGRAMS = {
    "edge": ("edge.__main__", "uvloop"),
    "local.functions_host": ("local.functions_host.__main__", "function_app.root"),
    "tests.function_app.one_worker": ("tests.function_app.one_worker",),
}
"""What can be forked: the module whose `main` it is, and what more to import for it."""
_LONGEST = 1024 * 1024
_PR_SET_PDEATHSIG = 1
_nurseries: dict[tuple[str, str], "_Nursery"] = {}
_lock = threading.Lock()


class Forked(Child):
    """A program that was forked."""

    def _started(
        self,
        command: Sequence[str | Path],
        environment: Mapping[str, str] | None,
        directory: Path | None,
    ) -> Process:
        _, _, module, *arguments = map(str, command)
        environment = dict(os.environ if environment is None else environment)
        return _nursery_of(module, environment.pop("LD_PRELOAD", "")).start(
            {"arguments": arguments, "environment": environment, "directory": str(directory or "")}
        )


def _nursery_of(module: str, preloaded: str) -> "_Nursery":
    with _lock:
        if (module, preloaded) not in _nurseries:
            _nurseries[module, preloaded] = _Nursery(module, preloaded)
        return _nurseries[module, preloaded]


class _Forked:
    """What a `Child` needs to know of its process."""

    def __init__(self, nursery: "_Nursery", stdout: Any) -> None:
        self.stdout = stdout
        self.pid = 0
        self._nursery = nursery
        self._code: int | None = None

    def began(self, pid: int) -> None:
        self.pid = pid

    def ended(self, code: int) -> None:
        self._code = code

    def poll(self) -> int | None:
        return self._code

    def wait(self, timeout: float | None = None) -> int:
        with self._nursery.news:
            if not self._nursery.news.wait_for(lambda: self._code is not None, timeout):
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
        assert self._code is not None  # waited for
        return self._code

    def send_signal(self, number: int) -> None:
        with suppress(ProcessLookupError):  # it has ended, and we have not heard of it yet
            os.kill(self.pid, number)


class _Nursery:
    """The process that forks one program. It ends when we do."""

    def __init__(self, module: str, preloaded: str) -> None:
        self.news = threading.Condition()
        self._children: dict[int, _Forked] = {}
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.forked", module, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env=os.environ | ({"LD_PRELOAD": preloaded} if preloaded else {}),
                cwd=Path(__file__).parent.parent,
                start_new_session=True,
            )
        self._number = 0
        threading.Thread(target=self._listen, daemon=True).start()
        atexit.register(self._close)

    def start(self, what: dict[str, Any]) -> _Forked:
        readable, writable = os.pipe()
        child = _Forked(self, os.fdopen(readable, encoding="utf-8", errors="replace"))
        with self.news:
            self._number += 1
            self._children[self._number] = child
            what["number"] = self._number
        handles = array.array("i", [writable])
        self._socket.sendmsg(
            [json.dumps(what).encode()], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, handles)]
        )
        os.close(writable)
        with self.news:
            self.news.wait_for(lambda: child.pid or self._process.poll() is not None, 60)
        assert child.pid, "the program was not forked"
        return child

    def _listen(self) -> None:
        while said := self._socket.recv(_LONGEST):
            number, what, value = json.loads(said)
            with self.news:
                child = self._children[number]
                (child.began if what == "began" else child.ended)(value)
                self.news.notify_all()

    def _close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._process.wait(10)
        self._socket.close()


# What follows runs in the process that forks, and in what it has forked.


def _serve(orders: socket.socket) -> tuple[dict[str, Any], int] | None:
    """Fork whenever it is asked for; in what was forked, the order and where to write."""
    running: dict[int, tuple[int, int]] = {}
    with orders, selectors.DefaultSelector() as events:
        events.register(orders, selectors.EVENT_READ)
        while True:
            for key, _ in events.select():
                if key.fileobj is not orders:
                    events.unregister(key.fileobj)
                    _tell_end(orders, key.fd, *running.pop(key.fd))
                    continue
                said, handles, _, _ = socket.recv_fds(orders, _LONGEST, 1)
                if not said:
                    return None
                order = json.loads(said)
                pid = os.fork()
                if pid == 0:
                    for handle in running:
                        os.close(handle)
                    return order, handles[0]
                os.close(handles[0])
                handle = os.pidfd_open(pid)
                running[handle] = (order["number"], pid)
                events.register(handle, selectors.EVENT_READ)
                orders.send(json.dumps([order["number"], "began", pid]).encode())


def _tell_end(orders: socket.socket, handle: int, number: int, pid: int) -> None:
    os.close(handle)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    orders.send(json.dumps([number, "ended", code]).encode())


def _become(order: dict[str, Any], output: int) -> None:
    """Be as a program is that somebody has just started."""
    os.setsid()
    parent = os.getppid()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        os._exit(1)
    for handle in (1, 2):
        os.dup2(output, handle)
    os.close(output)
    os.environ.clear()
    os.environ.update(order["environment"])
    os.chdir(order["directory"] or ".")
    if "DISK_DIRECTORY" in os.environ:
        ctypes.CDLL(None).begin_disk()  # of torture/disk, which was preloaded


def main() -> int:
    module, handle = sys.argv[1:]
    program, *_ = [importlib.import_module(name) for name in _PROGRAMS[module]]
    forked = _serve(socket.socket(fileno=int(handle)))
    if forked is None:
        return 0
    order, output = forked
    _become(order, output)
    sys.argv = [str(program.__file__), *order["arguments"]]
    return int(program.main() or 0)


if __name__ == "__main__":
    sys.exit(main())
