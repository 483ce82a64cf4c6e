"""An SMTP server that says what it is told to: for tests of what a smarthost may do wrong."""

import re
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Thread
from typing import BinaryIO

DROP = "drop"
"""Hang up instead of an answer."""
SILENCE = "silence"
"""Wait until the client goes."""
OFFERS = "250-smarthost\r\n250-PIPELINING\r\n250-SIZE 1000000\r\n250-8BITMIME\r\n250 SMTPUTF8"
_ANSWERS = {
    "connect": "220 smarthost ESMTP",
    "EHLO": OFFERS,
    "HELO": "250 smarthost",
    "MAIL": "250 2.1.0 Ok",
    "RCPT": "250 2.1.5 Ok",
    "DATA": "354 Go on",
    "end": "250 2.0.0 Ok: queued as 4F1",
    "RSET": "250 2.0.0 Ok",
    "QUIT": "221 2.0.0 Bye",
    "STARTTLS": "220 2.0.0 Ready",
    "AUTH": "235 2.7.0 Welcome",
}


@dataclass
class Taken:
    """A mail whose end has been seen."""

    reverse_path: str
    forward_paths: list[str]
    content: bytes


@dataclass
class ScriptedSmtp:
    """Answers each step by `script`, else as a good server would.

    A step is the verb, `RCPT <address>`, `connect` or `end` (of the content). A list is used up
    one by one. A mail counts as taken unless its end is answered with 4yz or 5yz.
    """

    script: Mapping[str, str | list[str]]
    tls: ssl.SSLContext | None = None
    is_implicit: bool = False
    taken: list[Taken] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    connections: int = 0
    port: int = 0

    def serve(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                self.connections += 1
                Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        connection.settimeout(20)
        with suppress(OSError, ValueError):
            if self.is_implicit and self.tls:
                connection = self.tls.wrap_socket(connection, server_side=True)
            try:
                self._dialog(connection)
            finally:
                connection.close()
        connection.close()

    def _dialog(self, connection: socket.socket) -> None:
        if not self._answer(connection, "connect"):
            return
        stream = connection.makefile("rb")
        mail = Taken("", [], b"")
        while octets := stream.readline():
            line = octets.decode("utf-8", "replace").rstrip("\r\n")
            self.lines.append(line)
            verb = line.split(" ")[0].upper()
            if verb == "MAIL":
                mail = Taken(_path(line), [], b"")
            if not self._answer(connection, f"RCPT {_path(line)}" if verb == "RCPT" else verb):
                break
            if verb == "RCPT" and self._last.startswith("250"):
                mail.forward_paths.append(_path(line))
            if verb == "DATA" and self._last.startswith("354"):
                content = _content(stream)
                if content is None:
                    break
                mail.content = content
                answer = self._chosen("end")
                if answer[0] not in "45":
                    self.taken.append(mail)
                if not self._say(connection, answer):
                    break
            if verb == "STARTTLS" and self.tls and self._last.startswith("220"):
                stream.close()
                connection = self.tls.wrap_socket(connection, server_side=True)
                stream = connection.makefile("rb")
        stream.close()
        connection.close()

    def _answer(self, connection: socket.socket, step: str) -> bool:
        self._last = self._chosen(step)
        return self._say(connection, self._last)

    def _chosen(self, step: str) -> str:
        said = self.script.get(step, self.script.get(step.split(" ")[0]))
        if isinstance(said, list):
            said = said.pop(0) if said else None
        return said or _ANSWERS.get(step.split(" ")[0], "500 5.5.2 What?")

    def _say(self, connection: socket.socket, answer: str) -> bool:
        if answer == DROP:
            return False
        if answer == SILENCE:
            connection.recv(1)
            return False
        if answer.startswith("slow "):
            time.sleep(0.3)
            answer = answer.removeprefix("slow ")
        connection.sendall(answer.encode() + b"\r\n")
        return True

    _last = ""


def _path(line: str) -> str:
    found = re.search(r"<(.*)>", line)
    return found[1] if found else ""


def _content(stream: BinaryIO) -> bytes | None:
    """As it was before its dots were doubled; None when it breaks off."""
    lines: list[bytes] = []
    while line := stream.readline():
        if line == b".\r\n":
            return b"".join(lines)
        lines.append(line.removeprefix(b"."))
    return None


@contextmanager
def scripted(
    script: Mapping[str, str | list[str]] | None = None,
    tls: ssl.SSLContext | None = None,
    *,
    is_implicit: bool = False,
) -> Iterator[ScriptedSmtp]:
    server = ScriptedSmtp(script or {}, tls, is_implicit)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server.port = listener.getsockname()[1]
        thread = Thread(target=server.serve, args=(listener,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(5)
