"""Warn in time, and once a stage, of what ends at this edge: certificate and storage signature."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import datetime

import structlog

from edge.certificates import CertificateUnusable, expiry_of
from edge.metrics import Metrics
from edge.settings import EdgeSettings
from handoff.expiry import days_left, signature_expiry, stage_of

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
        for what, expires_at in self._endings():
            stage = stage_of(expires_at, self._now())
            if stage is None or self._warned.get(what) == (expires_at, stage):
                continue
            self._warned[what] = expires_at, stage
            log.warning(
                "expires_soon",
                what=what,
                days_left=days_left(expires_at, self._now()),
                expires_at=expires_at.isoformat(),
            )

    def _endings(self) -> Iterator[tuple[str, datetime]]:
        settings = self._settings()
        if any(listener.tls != "none" for listener in settings.listeners):
            try:
                yield "tls certificate", expiry_of(settings.tls)
            except CertificateUnusable as error:
                log.warning("certificate_unreadable", reason=str(error))
        secret = settings.storage.connection_string
        signature = signature_expiry(secret.get_secret_value()) if secret else None
        if signature is not None:
            self._metrics.signature_expiry.set(signature.timestamp())
            yield "storage signature", signature
