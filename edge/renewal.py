"""Take a new certificate into use when its files change, and drop nobody for it.

Each listener keeps its TLS context for life, and each handshake is handed on to one with the
newest certificate: loaded into the old context, a certificate of another kind (RSA after EC)
would stand beside the old one instead of replacing it. Files that do not belong together are left
alone until they change again. One that this edge has made itself is made anew before it ends.
"""

import asyncio
import ssl
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import structlog

from edge.certificates import (
    CertificateUnusable,
    context_for,
    expiry_of,
    make_self_signed,
    remake_self_signed,
)
from edge.metrics import Metrics
from edge.settings import Listener, TlsSettings

_LOOK_SECONDS = 1.0
_REMAKE_EVERY = timedelta(hours=1)
log = structlog.get_logger()


class Renewal:
    """The certificate in use, and the listeners that show it."""

    def __init__(
        self,
        tls: TlsSettings,
        hostname: str,
        doors: Sequence[tuple[Listener, ssl.SSLContext]],
        metrics: Metrics,
        now: Callable[[], datetime],
    ) -> None:
        self._tls = tls
        self._hostname = hostname
        self._doors = doors
        self._metrics = metrics
        self._now = now
        self._remake_at = now()
        self._seen = _marks(tls)
        if doors:
            metrics.certificate_expiry.set(expiry_of(tls).timestamp())

    def load(self, tls: TlsSettings) -> None:
        """Show the certificate of `tls` from now on.

        Raises CertificateUnusable, and then stays with the old one.
        """
        seen = _marks(tls)
        if self._doors:
            if tls.source == "self-signed":
                make_self_signed(tls, self._hostname, self._now())
            newer = [context_for(listener, tls) for listener, _ in self._doors]
            expiry = expiry_of(tls)
            for (_, context), newest in zip(self._doors, newer, strict=True):
                context.sni_callback = _hand_on_to(newest)
            self._metrics.certificate_expiry.set(expiry.timestamp())
            log.info("certificate_loaded", expires_at=expiry.isoformat())
        self._tls, self._seen = tls, seen

    async def run(self) -> None:
        """Look for a change again and again, until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            self._remake()
            if (seen := _marks(self._tls)) == self._seen:
                continue
            try:
                self.load(self._tls)
            except CertificateUnusable as error:
                self._seen = seen
                log.warning("certificate_not_loaded", reason=str(error))

    def _remake(self) -> None:
        """Have a new certificate of our own in the files, when it is time."""
        now = self._now()
        if now < self._remake_at or self._tls.source != "self-signed" or not self._doors:
            return
        self._remake_at = now + _REMAKE_EVERY
        try:
            if remake_self_signed(self._tls, self._hostname, now):
                log.info("certificate_remade")
        except CertificateUnusable as error:
            log.warning("certificate_not_remade", reason=str(error))


def _hand_on_to(
    newest: ssl.SSLContext,
) -> Callable[[ssl.SSLObject, str | None, ssl.SSLContext], None]:
    # OpenSSL calls this for every handshake, with a server name or without.
    def hand_on(handshake: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        handshake.context = newest

    return hand_on


def _marks(tls: TlsSettings) -> list[tuple[int, int, int] | None]:
    """What tells one version of the files from another."""
    marks: list[tuple[int, int, int] | None] = []
    for path in (tls.certificate, tls.key):
        try:
            state = path.stat()
        except OSError:
            marks.append(None)
        else:
            marks.append((state.st_ino, state.st_mtime_ns, state.st_size))
    return marks
