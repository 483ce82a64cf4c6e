"""Tell systemd how the edge fares, for a unit of `Type=notify`.

The protocol is one datagram (https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html).
Where nobody asked for it nothing is told.
"""

import contextlib
import socket
from collections.abc import Mapping

_ADDRESS = "NOTIFY_SOCKET"


def tell_service_manager(state: str, environment: Mapping[str, str]) -> None:
    """`state` is READY=1, or STOPPING=1."""
    address = environment.get(_ADDRESS)
    if not address:
        return
    # Whoever listens no longer is no reason to stop taking mail.
    with (
        contextlib.suppress(OSError),
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as manager,
    ):
        manager.connect("\0" + address[1:] if address.startswith("@") else address)
        manager.sendall(state.encode())
