"""What the edge says about itself: one event a line, JSON or for a terminal.

Keys are stable. No content, password or token is ever an argument of a log call. Text that came
from outside is escaped by the renderer, so that it cannot make lines of its own.
"""

import asyncio
import atexit
import json
import logging
import sys
import time
from datetime import UTC, datetime
from functools import lru_cache
from io import StringIO
from typing import Any, TextIO, cast

import structlog
from pydantic_core import to_json

from edge.settings import LogSettings

# Without the values of variables, which structlog shows unless told: one may be a password.
_traceback = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)
_QUIET = ("azure", "aiohttp", "msal", "urllib3", "mail.log", "mail.debug", "asyncio")


def configure(settings: LogSettings) -> None:
    """Send events to standard output from now on."""
    on_terminal = settings.format == "console" or (
        settings.format == "auto" and sys.stdout.isatty()
    )
    levelled = structlog.make_filtering_bound_logger(
        logging.getLevelNamesMapping()[settings.level.upper()]
    )
    structlog.configure(
        processors=[
            _stamp,
            _escaped,
            structlog.dev.ConsoleRenderer(exception_formatter=_write_traceback),
        ],
        wrapper_class=levelled if on_terminal else type("_Json", (_JsonLogger, levelled), {}),
        logger_factory=structlog.WriteLoggerFactory(cast("TextIO", _Lines(sys.stdout))),
        cache_logger_on_first_use=True,
    )
    # Libraries speak only when something is wrong. aiosmtpd's own log is off for good: it quotes
    # what clients send, credentials among it.
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.ERROR)
    logging.getLogger("mail.log").disabled = True


class _JsonLogger(structlog.BoundLoggerBase):
    """Events straight to lines: a chain of processors takes as long as all the rest of it."""

    def _proxy_to_logger(self, method_name: str, event: str | None = None, **facts: Any) -> None:
        facts["event"] = event
        _stamp(None, method_name, facts)
        if "exc_info" in facts:
            _traceback(None, method_name, facts)
        self._logger.msg(_json_line(facts))


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
    now = time.time()
    event["ts"] = f"{_second(int(now))}.{int(now % 1 * 1e6):06d}Z"
    return event


@lru_cache(4)
def _second(since_1970: int) -> str:
    return f"{datetime.fromtimestamp(since_1970, UTC):%Y-%m-%dT%H:%M:%S}"


def _json_line(facts: dict[str, Any]) -> str:
    try:
        return to_json(facts, ensure_ascii=True, fallback=str).decode("ascii")
    except ValueError:  # octets that are no UTF-8, as a client sent them
        return json.dumps(facts, default=str)


def _write_traceback(stream: TextIO, fault: Any) -> None:
    text = StringIO()
    structlog.dev.plain_traceback(text, fault)
    stream.write("\n".join(map(_printable, text.getvalue().split("\n"))))


def _printable(text: str) -> str:
    return text if text.isprintable() else text.encode("unicode_escape").decode("ascii")


def _escaped(_logger: Any, _method: str, event: Any) -> Any:
    return {
        key: _printable(value) if isinstance(value, str) else value for key, value in event.items()
    }
