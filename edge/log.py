"""What the edge says about itself: one event a line, JSON or for a terminal.

Keys are stable. No content, password or token is ever an argument of a log call. Text that came
from outside is escaped by the renderer, so that it cannot make lines of its own.
"""

import asyncio
import atexit
import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, TextIO, cast

import structlog

from edge.settings import LogSettings

_QUIET = ("azure", "aiohttp", "msal", "urllib3", "mail.log", "mail.debug", "asyncio")


def configure(settings: LogSettings) -> None:
    """Send events to standard output from now on."""
    on_terminal = settings.format == "console" or (
        settings.format == "auto" and sys.stdout.isatty()
    )
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    structlog.configure(
        processors=[
            _stamp,
            _escaped if on_terminal else _with_traceback,
            structlog.dev.ConsoleRenderer() if on_terminal else _as_json,
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
        self._lines: list[str] = []
        self._is_due = False
        atexit.register(self._flush)

    def write(self, text: str) -> None:
        self._lines.append(text)

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
        lines, self._lines = self._lines, []
        if lines:
            self._stream.write("".join(lines))
            self._stream.flush()


def _stamp(_logger: Any, level: str, event: Any) -> Any:
    event["level"] = "error" if level == "exception" else level
    event["ts"] = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    return event


def _with_traceback(logger: Any, level: str, event: Any) -> Any:
    return _dict_tracebacks(logger, level, event) if "exc_info" in event else event


def _as_json(_logger: Any, _level: str, event: Any) -> str:
    return _encode(event)


_dict_tracebacks = structlog.processors.dict_tracebacks
_encode = json.JSONEncoder(default=str).encode


def _escaped(_logger: Any, _method: str, event: Any) -> Any:
    return {
        key: value.encode("unicode_escape").decode("ascii")
        if isinstance(value, str) and not value.isprintable() and key != "exception"
        else value
        for key, value in event.items()
    }
