"""`python -m local.graph_simulator`: run the simulator until told to stop.

One line on standard output, its address, says that it is ready; `ADDRESS/_control/addresses`
tells the others.
"""

import argparse
import asyncio
import signal
import sys
import tempfile
from pathlib import Path

from aiohttp import web

from local.graph_simulator.applications import ApplicationRoutes
from local.graph_simulator.control import ControlRoutes
from local.graph_simulator.drafts import DraftRoutes
from local.graph_simulator.gate import Gate
from local.graph_simulator.journal import journal
from local.graph_simulator.lookups import LookupRoutes
from local.graph_simulator.sending import SendingRoutes
from local.graph_simulator.tokens import TokenRoutes
from local.graph_simulator.uploads import UploadRoutes
from local.graph_simulator.world import World
from local.tls import server_context


async def run(arguments: argparse.Namespace) -> int:
    world = World(arguments.domain or ["contoso.com"])
    gate = Gate(world)
    addresses = {"identity_header": arguments.identity_header}
    application = _application(world, gate, addresses)
    runner = web.AppRunner(
        application, access_log=None, shutdown_timeout=0.5, handler_cancellation=True
    )
    await runner.setup()
    with tempfile.TemporaryDirectory(prefix="graph-simulator-") as directory:
        ca_file = Path(directory) / "ca.pem"
        try:
            await web.TCPSite(runner, "127.0.0.1", arguments.port).start()
            tls = server_context(ca_file)
            await web.TCPSite(runner, "127.0.0.1", arguments.entra_port, ssl_context=tls).start()
        except OSError as error:
            print(f"graph_simulator: cannot listen: {error.strerror}", file=sys.stderr)
            await runner.cleanup()
            return 1
        (_, port), (_, entra_port) = runner.addresses
        gate.own_address = f"http://127.0.0.1:{port}"
        addresses |= {
            "graph": gate.own_address,
            "entra": f"https://127.0.0.1:{entra_port}",
            "ca_file": str(ca_file),
            "identity_endpoint": f"{gate.own_address}/msi/token",
        }
        print(gate.own_address, flush=True)
        await _until_told_to_stop()
        await runner.cleanup()
    return 0


def _application(world: World, gate: Gate, addresses: dict[str, str]) -> web.Application:
    application = web.Application(middlewares=[journal(world)])
    application.add_routes(ControlRoutes(world, lambda: addresses).routes())
    for routes in (SendingRoutes, LookupRoutes, DraftRoutes, UploadRoutes, ApplicationRoutes):
        application.add_routes(routes(world, gate).routes())
    application.add_routes([web.route("*", "/v1.0/{rest:.*}", gate.no_such_route)])
    tokens = TokenRoutes(world, gate, addresses["identity_header"])
    application.add_routes(tokens.routes())
    return application


async def _until_told_to_stop() -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m local.graph_simulator",
        description="Simulate Microsoft Graph mail, Microsoft Entra and a managed identity.",
    )
    parser.add_argument("--port", type=int, default=7080, help="0: any free one (%(default)s)")
    parser.add_argument(
        "--entra-port", type=int, default=0, help="the token endpoint over TLS (any free one)"
    )
    parser.add_argument(
        "--domain",
        action="append",
        help="every address in it is a mailbox; may be repeated (contoso.com)",
    )
    parser.add_argument(
        "--identity-header",
        default="simulator",
        metavar="VALUE",
        help="what IDENTITY_HEADER must be (%(default)s)",
    )
    return asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
