"""Whole sessions of any shape on a real socket: the promises of the door hold whatever is said.

Never an exception of ours, never a reply that is none, never a 250 without a mail in the spool,
never a draft left behind, never silence beyond the timers.
"""

import asyncio
import base64
import re
import shutil
import socket
import tempfile
import threading
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule
from structlog.testing import capture_logs

from tests.edge.door import LEGACY, PASSWORD, PRINTER, SCANNER, open_door

Result = TypeVar("Result")
IDLE_SECONDS = 0.5
PATIENCE = 5.0
REPLY = re.compile(rb"[2345]\d\d[ -][\x20-\x7e]*\r\n")
SECRET = base64.b64encode(f"\0scanner\0{PASSWORD}".encode())
LIMITS = {
    "message_size": 2000,
    "recipients": 5,
    "idle_timeout": IDLE_SECONDS,
    "transaction_timeout": 5,
    "failed_sign_ins_per_address": 100_000,
    "failed_sign_ins_per_login": 100_000,
}
octets = st.binary(max_size=60)
odd = st.sampled_from([b"\r", b"\n", b"\r\n", b".", b"\r\n.\r\n", b"\0", b"\xff", b"\n.\r\n", b" "])
content = st.lists(odd | octets, max_size=12).map(b"".join)
addresses = st.sampled_from(
    [b"<a@b.org>", b"<>", b"a@b.org", b"<a@b@c>", b"<\xff@b.org>", b'<"x y"@b.org>', b"<a@[::1>"]
) | octets.filter(lambda text: b"\n" not in text)
commands = st.one_of(
    st.sampled_from(
        [
            b"EHLO x", b"HELO", b"NOOP", b"RSET", b"VRFY a", b"HELP", b"STARTTLS", b"DATA",
            b"AUTH PLAIN " + SECRET, b"auth login", b"AUTH PLAIN =", b"AUTH LOGIN !", b"*", b"",
            b"BDAT 0", b"BDAT 0 LAST", b"BDAT 5\r\nNOOP\n", b"BDAT 3 LAST\r\na\r\n", b"BDAT x",
            b"MAIL FROM:<a@b.org>", b"RCPT TO:<c@d.org>", b"MAIL FROM:<a@b.org> SIZE=2001",
            b"XYZZY", b"x" * 3000, b"QUIT",
        ]
    ),
    addresses.map(lambda address: b"MAIL FROM:" + address),
    addresses.map(lambda address: b"RCPT TO:" + address),
    octets,
)  # fmt: skip


class Server:
    """One event loop in a thread of its own, for all sessions of the run."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(30)

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


class Sessions(RuleBasedStateMachine):
    """One client after another at one door."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp())
        self.server = Server()
        self.parts = AsyncExitStack()
        self.capturing = capture_logs()
        self.events = self.capturing.__enter__()
        opening = open_door(
            self.directory, listeners=[LEGACY], devices=[SCANNER, PRINTER], limits=LIMITS
        )
        self.door = self.server.run(self.parts.enter_async_context(opening))
        self.queued: set[str] = set()
        self.connect()

    def connect(self) -> None:
        place = (self.door.place.host, self.door.place.port)
        self.socket = socket.create_connection(place, timeout=PATIENCE)
        self.lines = self.socket.makefile("rb")
        self.is_open = True
        self.read_reply()

    def read_reply(self) -> bytes:
        """The next reply, judged; b"" at the end of the session."""
        try:
            line = self.lines.readline()
            while line[3:4] == b"-":
                assert REPLY.fullmatch(line), line

                line = self.lines.readline()
        except ConnectionError:
            line = b""
        if not line:
            self.is_open = False
            return b""
        assert REPLY.fullmatch(line), line

        if b" queued as " in line:
            self.queued.add(line.split()[-1].decode())
        return line

    def send(self, blob: bytes) -> None:
        if not self.is_open:
            return
        try:
            self.socket.sendall(blob)
        except ConnectionError:
            self.is_open = False

    def say(self, line: bytes) -> bytes:
        self.send(line + b"\r\n")
        return self.read_reply() if self.is_open else b""

    def find_step(self) -> None:
        """Read all answers to what was sent, up to that of a command of ours."""
        self.send(b"\r\nVRFY x\r\n")
        while self.is_open:
            line = self.read_reply()
            if line.startswith(b"354"):
                self.send(b"\r\n.\r\nVRFY x\r\n")
            if line.startswith(b"252"):
                break

    def come_back(self) -> None:
        # Not a rule of its own: whether a session is over may hang on time, a choice must not.
        if not self.is_open:
            self.lines.close()
            self.socket.close()
            self.connect()

    @rule(lines=st.lists(commands, min_size=1, max_size=8))
    def pipeline(self, lines: list[bytes]) -> None:
        self.come_back()
        self.send(b"".join(line + b"\r\n" for line in lines))
        self.find_step()

    @rule(blob=content)
    def babble(self, blob: bytes) -> None:
        self.come_back()
        self.send(blob)
        self.find_step()

    @rule(content=content)
    def send_mail_by_data(self, content: bytes) -> None:
        self.come_back()
        for line in (b"EHLO x", b"MAIL FROM:<a@b.org>", b"RCPT TO:<c@d.org>", b"DATA"):
            answer = self.say(line)
        if answer.startswith(b"354"):
            self.send(content + b"\r\n.\r\n")
            self.find_step()

    @rule(chunks=st.lists(content, max_size=5), ends=st.booleans())
    def send_mail_by_chunks(self, chunks: list[bytes], ends: bool) -> None:
        self.come_back()
        for line in (b"EHLO x", b"MAIL FROM:<a@b.org>", b"RCPT TO:<c@d.org>"):
            self.say(line)
        sizes = b"".join(b"BDAT %d\r\n%b" % (len(chunk), chunk) for chunk in chunks)
        self.send(sizes + (b"BDAT 0 LAST\r\n" if ends else b""))
        self.find_step()

    @rule()
    def vanish(self) -> None:
        self.come_back()
        self.send(b"EHLO x\r\nMAIL FROM:<a@b.org>\r\nRCPT TO:<c@d.org>\r\nBDAT 9\r\nhalf")
        self.lines.close()
        self.socket.close()
        self.is_open = False

    def teardown(self) -> None:
        entries = self.server.run(self.door.entries())
        self.lines.close()
        self.socket.close()
        self.server.run(self.parts.aclose())
        self.server.close()
        self.capturing.__exit__(None, None, None)
        left = [path.name for path in (self.directory / "spool").glob("*.eml")]
        shutil.rmtree(self.directory)
        broken = [event for event in self.events if event["event"] == "internal_fault"]

        assert [] == broken
        assert self.queued <= {entry.id for entry in entries}
        assert [] == left


TestSessions = Sessions.TestCase
TestSessions.settings = settings(
    max_examples=30,
    stateful_step_count=12,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
