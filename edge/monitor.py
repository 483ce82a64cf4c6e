"""Show from outside how the edge does: /health, /ready, /metrics.

Ready means: a mail offered now can be made durable. A storage account out of reach is `degraded`,
not unready; a relay that spools must stay in service then.
"""

import json

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from edge.binding import why_not
from edge.forwarder import Uplink
from edge.metrics import Metrics
from edge.notation import Endpoint
from edge.spool import Spool


class MonitorUnreachable(Exception):
    """The address to listen on is taken, or is not ours."""


class Monitor:
    """An HTTP server on the monitor address."""

    def __init__(self, spool: Spool, uplink: Uplink, metrics: Metrics) -> None:
        self._spool = spool
        self._uplink = uplink
        self._metrics = metrics
        self.is_listening = False
        """Set by whoever opens and closes the SMTP listeners."""
        application = web.Application()
        application.router.add_get("/health", self._health)
        application.router.add_get("/ready", self._ready)
        application.router.add_get("/metrics", self._figures)
        self._runner = web.AppRunner(application, access_log=None, handle_signals=False)

    async def start(self, endpoint: Endpoint) -> Endpoint:
        """Listen, and answer where (port 0 becomes a real one). Raises MonitorUnreachable."""
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, endpoint.host, endpoint.port).start()
        except OSError as error:
            raise MonitorUnreachable(f"monitor.address {endpoint}: {why_not(error)}") from error
        return Endpoint(endpoint.host, self._runner.addresses[0][1])

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def _health(self, _request: web.Request) -> web.Response:
        return web.json_response({"status": "alive"})

    async def _ready(self, _request: web.Request) -> web.Response:
        checks = {
            "listening": self.is_listening,
            "spool": self._spool.is_writable and self._spool.has_room_for(0),
        }
        uplink = self._uplink.fault
        ready = all(checks.values())
        status = "unready" if not ready else "degraded" if uplink else "ready"
        report = {
            "status": status,
            "checks": checks,
            "uplink": {
                "up": uplink is None,
                "fault": uplink,
                "since": self._uplink.since.isoformat(),
            },
            "spool": {"mails": self._spool.messages, "bytes": self._spool.octets},
        }
        return web.json_response(report, status=200 if ready else 503, dumps=json.dumps)

    async def _figures(self, _request: web.Request) -> web.Response:
        self._metrics.spool_mails.set(self._spool.messages)
        self._metrics.spool_bytes.set(self._spool.octets)
        body = generate_latest(self._metrics.registry)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})
