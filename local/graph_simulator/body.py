"""Reading what a request brings, however much it is."""

from aiohttp import web


async def read_body(request: web.Request, limit: int) -> bytes | None:
    """Read to the end; None when it is longer than `limit`, and then it is not kept."""
    octets, size = bytearray(), 0
    async for block in request.content.iter_any():
        size += len(block)
        if size <= limit:
            octets += block
        else:
            octets.clear()
    return bytes(octets) if size <= limit else None


async def drain(request: web.Request) -> None:
    await read_body(request, 0)
