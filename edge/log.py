"""What the edge says about itself: one event a line, JSON or for a terminal.

Keys are stable. No content, password or token is ever an argument of a log call. Text that came
from outside is escaped by the renderer, so that it cannot make lines of its own.
"""

import asyncio
import logging
import sys
from typing import Any, TextIO, cast

import structlog

from edge.settings import LogSettings

_QUIET = ("azure", "aiohttp", "mail.log", "mail.debug", "asyncio")


def configure(settings: LogSettings) -> None:
    """Send events to standard output from now on."""
    on_terminal = settings.format == "console" or (
        settings.format == "auto" and sys.stdout.isatty()
    )
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
            _escaped if on_terminal else structlog.processors.dict_tracebacks,
            structlog.dev.ConsoleRenderer() if on_terminal else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(cast("TextIO", _Lines(sys.stdout))),
        cache_logger_on_first_use=True,
    )
    # Libraries speak only when something is wrong. aiosmtpd's own log is off for good: it quotes
    # what clients send, credentials among it.
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.ERROR)
    logging.getLogger("mail.log").disabled = True


class _Lines:
    """Lines on their way to `stream`: those of one pass of the event loop go out in one write."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._is_due = False

    def write(self, text: str) -> None:
        self._stream.write(text)

    def flush(self) -> None:
        if self._is_due:
            return
        try:
            asyncio.get_running_loop().call_soon(self._flush)
            self._is_due = True
        except RuntimeError:  # before the loop runs, or after
            self._flush()

    def _flush(self) -> None:
        self._is_due = False
        self._stream.flush()


def _escaped(_logger: Any, _method: str, event: Any) -> Any:
    return {
        key: value.encode("unicode_escape").decode("ascii")
        if isinstance(value, str) and not value.isprintable() and key != "exception"
        else value
        for key, value in event.items()
    }
