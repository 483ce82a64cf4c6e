"""Where a client is: as its socket tells, or a proxy that is trusted (PROXY protocol 1 and 2)."""

import asyncio

import structlog
from aiosmtpd.proxy_protocol import V2_CMD, get_proxy

from edge.policy import Address, plain_address
from edge.settings import Listener

log = structlog.get_logger()


async def find_origin(
    peer: str, listener: Listener, reader: asyncio.StreamReader
) -> Address | None:
    """The client's address; `peer` is the socket's. None when nobody may come that way."""
    address = plain_address(peer)
    if not listener.proxy_protocol:
        return address
    if not any(address in network for network in listener.trusted_proxies):
        log.warning("untrusted_proxy", listener=listener.name, peer=str(address))
        return None
    try:
        proxied = await get_proxy(reader)
    except asyncio.IncompleteReadError:
        return None  # a load balancer that connects only to see whether we live
    if proxied.valid and proxied.command == V2_CMD.LOCAL:
        return address  # the proxy on its own behalf, to see whether we live
    if not proxied.valid or not isinstance(proxied.src_addr, Address):
        log.warning("bad_proxy_header", listener=listener.name, peer=str(address))
        return None
    return plain_address(str(proxied.src_addr))
