"""The pages that only read: overview, deliveries, one message, what failed.

The storage clients block, and pages must not: what asks them runs in a thread.
"""

import asyncio
import csv
import io
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice

from aiohttp import web

from console.place import Beside
from console.reading.album import Album
from console.reading.deliveries import read_page, walk
from console.reading.devices import join
from console.reading.expiry import expiries
from console.reading.failed import grouped
from console.reading.figures import Month, Picture, Recent, take
from console.reading.life import read_header, read_life
from console.reading.light import light_of
from console.reading.query import NAMES, BadQuery, Query, read_query
from console.reading.spreadsheet import COLUMNS, as_row
from console.reading.strangers import strangers_beside
from console.reading.whereabouts import whereabouts
from console.web.looks import Looks
from console.web.overview import Span, charts_of, tiles_of
from handoff.alarms import open_alarms
from handoff.dead_letters import DeadLetters
from handoff.delivery import State
from handoff.endings import read_endings
from handoff.hours import Figures
from handoff.ids import ID_PATTERN, is_id, time_of
from handoff.ledger_reader import LedgerReader
from handoff.sites import Sites
from handoff.storage import Storage

PATIENCE = 0.025
"""Seconds after which a search shows what it has: nobody waits for a page."""
_FOR_THE_NEWEST = 5.0
"""Without a search every row fits, so that a page is full after a read or two."""
_MONTH_FRESH_SECONDS = 60.0
_MOST_CSV = 100_000
_ON_ITS_WAY = timedelta(minutes=2)


@dataclass(frozen=True)
class Pages:
    """Readings of one storage account."""

    storage: Storage
    looks: Looks
    album: Album[Picture]
    month: Album[Figures]
    beside: Beside

    @classmethod
    def of(cls, storage: Storage, looks: Looks, beside: Beside) -> "Pages":
        recent, month = Recent(storage), Month(storage)

        def take_one() -> Picture:
            picture = take(storage, recent, datetime.now(UTC))
            tiles_of(picture)  # added up here, no page waits for it
            return picture

        return cls(
            storage,
            looks,
            Album(take_one),
            Album(lambda: month.read(datetime.now(UTC)), fresh=_MONTH_FRESH_SECONDS),
            beside,
        )

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/", self.overview),
            web.get("/deliveries", self.deliveries),
            web.get("/deliveries.csv", self.deliveries_csv),
            web.get(f"/messages/{{id:{ID_PATTERN}}}.eml", self.octets),
            web.get("/messages/{id}", self.message),
            web.get("/failed", self.failed),
            web.get("/devices", self.devices),
        ]

    async def overview(self, request: web.Request) -> web.Response:
        span = Span.of(request.query.get("span", ""))
        status = self.storage.status
        picture, alarms, sites, endings = await asyncio.gather(
            asyncio.to_thread(self.album.newest),
            asyncio.to_thread(open_alarms, status),
            asyncio.to_thread(Sites(status).all),
            asyncio.to_thread(read_endings, status),
        )
        figures = picture.last(span.length)
        return self.looks.page(
            request,
            "overview.html",
            span=span,
            spans=list(Span),
            light=light_of(picture, alarms),
            alarms=alarms,
            tiles=tiles_of(picture),
            figures=figures,
            charts=charts_of(picture, span),
            queues=picture.queues,
            at=picture.at,
            sites=sites,
            expiries=expiries(sites, endings, picture.at),
        )

    async def deliveries(self, request: web.Request) -> web.Response:
        text, now = request.query.get("q", "").strip(), datetime.now(UTC)
        cursor = request.query.get("older") or None
        fault, query = "", Query()
        try:
            query = read_query(text, now)
        except BadQuery as bad:
            fault = str(bad)
        if query.single_id is not None:
            raise web.HTTPSeeOther(f"/messages/{query.single_id}")
        reader = LedgerReader(self.storage.deliveries)
        patience = PATIENCE if text else _FOR_THE_NEWEST
        page = await asyncio.to_thread(
            read_page, reader, query, now, cursor=cursor, patience=patience
        )
        return self.looks.page(
            request,
            "deliveries.html",
            q=text,
            fault=fault,
            page=page,
            cursor=cursor,
            states=[state.value for state in State],
            names=NAMES,
            chosen=query.equal.get("state", ""),
        )

    async def deliveries_csv(self, request: web.Request) -> web.Response:
        now = datetime.now(UTC)
        try:
            query = read_query(request.query.get("q", ""), now)
        except BadQuery as bad:
            raise web.HTTPBadRequest(text=str(bad)) from bad
        reader = LedgerReader(self.storage.deliveries)
        lines = await asyncio.to_thread(lambda: list(islice(walk(reader, query, now), _MOST_CSV)))
        file = io.StringIO()
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(map(as_row, lines))
        return web.Response(
            text=file.getvalue(),
            content_type="text/csv",
            headers={"Content-Disposition": 'attachment; filename="deliveries.csv"'},
        )

    async def message(self, request: web.Request) -> web.Response:
        mail_id = request.match_info["id"]
        life = await asyncio.to_thread(read_life, self.storage, mail_id)
        if life is None:
            now, spool = datetime.now(UTC), self.beside.spool
            seen = await asyncio.to_thread(whereabouts, mail_id, self.storage, spool, now)
            if not seen.place and not _is_fresh(mail_id, now):
                return self.looks.fault(request, 404, seen.sentence)
            return self.looks.page(request, "waiting.html", id=mail_id, seen=seen)
        header = []
        if life.has_dead_letter and is_id(mail_id):
            header = await asyncio.to_thread(read_header, self.storage, mail_id)
        return self.looks.page(request, "message.html", life=life, mail=life.mail, header=header)

    async def octets(self, request: web.Request) -> web.Response:
        """A dead letter as the device sent it; to be kept, and never shown by the browser."""
        mail_id = request.match_info["id"]
        octets = await asyncio.to_thread(
            lambda: DeadLetters(self.storage.dead_letters).octets_of(mail_id)
        )
        if octets is None:
            raise web.HTTPNotFound(text=f"There are no octets of {mail_id}.")
        return web.Response(
            body=octets,
            content_type="application/octet-stream",
            headers={"Content-Disposition": f'attachment; filename="{mail_id}.eml"'},
        )

    async def devices(self, request: web.Request) -> web.Response:
        now = datetime.now(UTC)
        sites = Sites(self.storage.status)
        all_sites, known, counted, strangers = await asyncio.gather(
            asyncio.to_thread(sites.all),
            asyncio.to_thread(sites.devices, now),
            asyncio.to_thread(self.month.glance),
            asyncio.to_thread(strangers_beside, self.beside),
        )
        figures = counted or Figures()
        return self.looks.page(
            request,
            "devices.html",
            sites=all_sites,
            devices=join(known, figures.devices),
            mailboxes=sorted(figures.mailboxes.items(), key=lambda one: -one[1].mails),
            is_counted=counted is not None,
            strangers=strangers,
            beside=self.beside,
            now=now,
        )

    async def failed(self, request: web.Request) -> web.Response:
        labels = await asyncio.to_thread(
            lambda: list(DeadLetters(self.storage.dead_letters).labels())
        )
        return self.looks.page(
            request,
            "failed.html",
            groups=grouped(labels),
            number=len(labels),
            done=request.query.get("done", ""),
        )


def _is_fresh(mail_id: str, now: datetime) -> bool:
    """Whether the mail may be between two stations, where nobody sees it for a moment."""
    return is_id(mail_id) and timedelta(0) <= now - time_of(mail_id) < _ON_ITS_WAY
