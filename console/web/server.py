"""The console as an HTTP server, on one address."""

import asyncio
import signal
from collections.abc import Callable

from aiohttp import web

from console.place import Beside
from console.web.actions import Actions
from console.web.adopting import Adopting
from console.web.guard import application, sign_in_routes
from console.web.health import Health
from console.web.inbox import Inbox
from console.web.looks import STATIC, Looks
from console.web.metrics import MetricsPage
from console.web.pages import Pages
from console.web.settings import SettingsPage
from console.web.sign_in import Access, Doorkeeper
from handoff.storage import Storage

_MENU = (
    ("/", "Overview"),
    ("/deliveries", "Deliveries"),
    ("/failed", "Failed"),
    ("/devices", "Devices"),
    ("/health", "Health"),
    ("/settings", "Settings"),
)


class AddressInUse(Exception):
    """The address to listen on is taken, or is not ours."""


def build(storage: Storage, access: Access, beside: Beside, simulator: str = "") -> web.Application:
    """All pages behind their guard; with an inbox when there is a Graph simulator."""
    keeper = Doorkeeper(access)
    menu = (*_MENU, *([("/inbox", "Inbox")] if simulator else []))
    looks = Looks(keeper, menu, has_password=bool(access.password))
    app = application(keeper, looks)
    app.add_routes(sign_in_routes(keeper, looks))
    pages = Pages.of(storage, looks, beside)
    app.add_routes(pages.routes())
    app.add_routes(MetricsPage.of(storage, pages.album).routes())
    app.add_routes(Adopting(storage, looks, beside).routes())
    app.add_routes(Health.of(looks, beside).routes())
    app.add_routes(SettingsPage(storage, looks, beside).routes())
    app.add_routes(Actions(storage, looks).routes())
    if simulator:
        app.add_routes(Inbox(simulator, looks).routes())
    app.router.add_static("/static", STATIC)
    return app


async def serve(app: web.Application, host: str, port: int, ready: Callable[[str], None]) -> None:
    """Answer until SIGTERM or SIGINT; `ready` gets the address. Raises AddressInUse."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=2)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as fault:
            raise AddressInUse(f"{host}:{port}: {fault.strerror}") from fault
        real = runner.addresses[0][1]
        ready(f"http://{f'[{host}]' if ':' in host else host}:{real}")
        await stop.wait()
    finally:
        await runner.cleanup()
