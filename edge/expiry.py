"""Warn in time, and once a stage, of what ends at this edge."""

import asyncio
import os
from collections.abc import Callable
from datetime import datetime

import structlog

from edge.endings import STORAGE_SIGNATURE, endings_of
from edge.metrics import Metrics
from edge.settings import EdgeSettings
from handoff.expiry import days_left, stage_of
from handoff.signals import TLS_CERTIFICATE

_LOOK_SECONDS = 3600.0
log = structlog.get_logger()


class ExpiryWatch:
    """Remembers what it has warned of, until that is renewed or the edge starts anew."""

    def __init__(
        self,
        settings: Callable[[], EdgeSettings],
        metrics: Metrics,
        now: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._metrics = metrics
        self._now = now
        self._warned: dict[str, tuple[datetime, int]] = {}

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            self.look()
            await asyncio.sleep(_LOOK_SECONDS)

    def look(self) -> None:
        endings = endings_of(self._settings(), os.environ)
        for reason in endings.unreadable:
            log.warning("certificate_unreadable", reason=reason)
        for what, expires_at in endings.known.items():
            self._measure(what, expires_at)
            stage = stage_of(expires_at, self._now())
            if stage is None or self._warned.get(what) == (expires_at, stage):
                continue
            self._warned[what] = expires_at, stage
            log.warning(
                "expires_soon",
                what=what.replace("-", " "),
                days_left=days_left(expires_at, self._now()),
                expires_at=expires_at.isoformat(),
            )

    def _measure(self, what: str, expires_at: datetime) -> None:
        if what == STORAGE_SIGNATURE:
            self._metrics.signature_expiry.set(expires_at.timestamp())
        elif what != TLS_CERTIFICATE:  # which is measured as it is loaded
            self._metrics.credential_expiry.labels(what).set(expires_at.timestamp())
