"""Settings: those of the edge beside the console and of the function app, without a secret."""

import asyncio
from dataclasses import dataclass

from aiohttp import web

from console.masked import masked, sections_of
from console.place import Beside
from console.web.looks import Looks
from edge.settings_file import SettingsError
from handoff.shown_settings import read_shown_settings
from handoff.storage import Storage


@dataclass(frozen=True)
class SettingsPage:
    """Shown, and not changed: edge.toml and the app settings have their own tools."""

    storage: Storage
    looks: Looks
    beside: Beside

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/settings", self.show)]

    async def show(self, request: web.Request) -> web.Response:
        faults: list[str] = []
        settings = None
        try:
            settings = self.beside.settings()
        except SettingsError as fault:
            faults = fault.faults
        return self.looks.page(
            request,
            "settings.html",
            file=self.beside.file,
            faults=faults,
            sections=list(sections_of(settings)) if settings else [],
            tree=masked(settings) if settings else None,
            function=await asyncio.to_thread(read_shown_settings, self.storage.status),
        )
