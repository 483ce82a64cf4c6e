"""Strangers on the page Devices, and the form that makes devices of them."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from aiohttp import web

from console.adoption import CannotAdopt, Wish, adopt
from console.device_card import fits_every_field
from console.device_file import NotEditable
from console.place import Beside
from console.web.looks import Looks
from edge.settings_file import SettingsError
from handoff.audit import AuditRow, note
from handoff.storage import Storage


@dataclass(frozen=True)
class Adopting:
    storage: Storage
    looks: Looks
    beside: Beside

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/devices/adopt", self.adopt)]

    async def adopt(self, request: web.Request) -> web.Response:
        """Write the device, and show once what to type into it."""
        form = {name: str(text).strip() for name, text in (await request.post()).items()}
        file = self.beside.file
        if file is None or not self.beside.is_writable:
            raise web.HTTPBadRequest(text="The edge.toml here cannot be written by this console.")
        wish = Wish(
            form.get("address", ""),
            form.get("name", ""),
            form.get("send_as", ""),
            tuple(form.get("recipients", "").replace(",", " ").split()),
            form.get("password") == "yes",
        )
        who = str(request["who"])
        return await asyncio.to_thread(self._adopt, request, wish, file, who)

    def _adopt(self, request: web.Request, wish: Wish, file: Path, who: str) -> web.Response:
        try:
            settings = self.beside.settings()
            assert settings is not None  # its file is there
            note(AuditRow(datetime.now(UTC), who, "adopt", (wish.name,)), self.storage.status)
            adopted = adopt(wish, settings, file, self.beside.environment)
        except SettingsError as fault:
            return self.looks.fault(request, 422, " ".join(fault.faults))
        except (CannotAdopt, NotEditable, OSError) as fault:
            return self.looks.fault(request, 422, str(fault))
        return self.looks.page(
            request,
            "adopted.html",
            adopted=adopted,
            file=file,
            fits=fits_every_field(adopted.device.name),
        )
