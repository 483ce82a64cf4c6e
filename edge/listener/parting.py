"""The end of a connection: what was said last is still sent, but not waited for without end."""

import asyncio

_SECONDS = 10


def part_from(transport: asyncio.Transport) -> None:
    """Close `transport`, and let its client have a while to read what it has not read yet.

    A client that reads nothing would keep the socket for as long as it likes: nobody counts it
    any more, and no timer of the session runs.
    """
    if transport.is_closing():
        return
    unread = transport.get_write_buffer_size()  # asyncio's TLS cannot tell once it is closed
    transport.close()
    if unread:
        asyncio.get_running_loop().call_later(_SECONDS, transport.abort)
