"""A socket on which SMTP is spoken: lines out, replies in, each within its time."""

import re
import socket
import ssl
import time
from collections.abc import Iterator

from function_app.providers.smarthost.replies import Reply

COMMAND_SECONDS = 60.0
_LONGEST_REPLY = 64 * 1024
_LINE = re.compile(rb"([2-5]\d\d)(?:([ -])(.*))?", re.DOTALL)


class Broken(Exception):
    """The connection is lost, or the other end speaks no SMTP. The text says how."""


class Wire:
    """Ends at a moment: nothing is waited for beyond it. Not to be shared between threads."""

    def __init__(self, connection: socket.socket, until: float) -> None:
        self._socket = connection
        self._read = b""
        self.until = until
        """By time.monotonic()."""
        self.is_broken = False
        """A reply that comes too late would be taken for the next one's."""

    @property
    def own_address(self) -> str:
        return str(self._socket.getsockname()[0])

    def send(self, octets: bytes) -> None:
        """Raises Broken."""
        try:
            self._wait_for(COMMAND_SECONDS)
            self._socket.sendall(octets)
        except OSError as fault:
            raise self._broken(named(fault)) from fault

    def reply(self, seconds: float = COMMAND_SECONDS) -> Reply:
        """The next one. Raises Broken."""
        ends = time.monotonic() + seconds
        code, texts, size = 0, [], 0
        for line in self._lines(ends):
            found = _LINE.fullmatch(line)
            size += len(line)
            if found is None or code not in (0, int(found[1])) or size > _LONGEST_REPLY:
                raise self._broken("no SMTP")
            code = int(found[1])
            texts.append((found[3] or b"").decode("utf-8", "replace"))
            if found[2] != b"-":
                break
        return Reply(code, "\n".join(texts))

    def encrypt(self, tls: ssl.SSLContext, host: str) -> None:
        """Raises OSError and ValueError as the ssl module does."""
        self._wait_for(COMMAND_SECONDS)
        self._socket = tls.wrap_socket(self._socket, server_hostname=host)
        # Whoever stood in between may have said more in clear (RFC 3207 §4.2).
        self._read = b""

    def close(self) -> None:
        self._socket.close()

    def _lines(self, ends: float) -> Iterator[bytes]:
        while True:
            line, found, rest = self._read.partition(b"\n")
            if found:
                self._read = rest
                yield line.removesuffix(b"\r")
                continue
            if len(line) > _LONGEST_REPLY:
                raise self._broken("no SMTP")
            try:
                self._wait_for(ends - time.monotonic())
                more = self._socket.recv(16 * 1024)
            except OSError as fault:
                raise self._broken(named(fault)) from fault
            if not more:
                raise self._broken("closed by the server")
            self._read += more

    def _broken(self, how: str) -> Broken:
        self.is_broken = True
        return Broken(how)

    def _wait_for(self, seconds: float) -> None:
        seconds = min(seconds, self.until - time.monotonic())
        if seconds <= 0:
            raise self._broken("out of time")
        self._socket.settimeout(seconds)


def named(fault: Exception) -> str:
    """`fault` for a log: its text may quote what is nobody's business."""
    return "out of time" if isinstance(fault, TimeoutError) else type(fault).__name__
