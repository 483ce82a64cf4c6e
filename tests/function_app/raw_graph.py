"""A server that answers with any octets whatever, for answers that no HTTP server would give."""

import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Thread


@dataclass
class RawGraph:
    """Gives `answers` one by one, each to one request; None resets the connection."""

    answers: list[bytes | None]
    reads_slowly: bool = False
    requests: list[bytes] = field(default_factory=list)
    endpoint: str = ""

    def serve(self, listener: socket.socket) -> None:
        for answer in self.answers:
            connection, _ = listener.accept()
            with connection:
                self.requests.append(self._read(connection))
                if answer is None:
                    # With no time to linger, close() sends a reset.
                    linger = struct.pack("ii", 1, 0)
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                else:
                    connection.sendall(answer)

    def _read(self, connection: socket.socket) -> bytes:
        head, _, body = self._more(connection, b"", b"\r\n\r\n").partition(b"\r\n\r\n")
        told = head.lower().partition(b"content-length: ")[2]
        size = int(told.split(b"\r\n")[0] or 0)
        while len(body) < size:
            if self.reads_slowly:
                time.sleep(0.002)
            chunk = connection.recv(65536)
            if not chunk:
                break
            body += chunk
        return head + b"\r\n\r\n" + body

    def _more(self, connection: socket.socket, start: bytes, until: bytes) -> bytes:
        while until not in start:
            start += connection.recv(65536)
        return start


@contextmanager
def raw_graph(*answers: bytes | None, reads_slowly: bool = False) -> Iterator[RawGraph]:
    graph = RawGraph(list(answers), reads_slowly)
    with socket.socket() as listener:
        # A small window, so that a client notices how slowly it is read.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.settimeout(20)
        graph.endpoint = f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread = Thread(target=graph.serve, args=(listener,))
        thread.start()
        try:
            yield graph
        finally:
            thread.join()
