"""Make a page from its template: escaped, with what every page has around it."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from console.web.sign_in import Doorkeeper
from console.words import after, ago, duration, plural, share, size_of, stamp
from handoff.ids import time_of

_HERE = Path(__file__).parent
STATIC = _HERE / "static"


class Looks:
    """The templates, and what all of them know."""

    def __init__(
        self, keeper: Doorkeeper, menu: Sequence[tuple[str, str]], *, has_password: bool
    ) -> None:
        self._keeper = keeper
        self.has_password = has_password
        self._environment = Environment(
            loader=FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals |= {"menu": menu, "query": _query, "mark": _mark_of(STATIC)}
        self._environment.filters |= {
            "after": after,
            "ago": lambda moment: ago(moment, datetime.now(UTC)),
            "duration": duration,
            "plural": plural,
            "share": share,
            "size": size_of,
            "stamp": stamp,
            "time_of": time_of,
        }

    def page(
        self, request: web.Request, template: str, *, status: int = 200, **values: Any
    ) -> web.Response:
        who = request.get("who", "")
        text = self._environment.get_template(template).render(
            who=who, token=self._keeper.token(who), path=request.path, **values
        )
        return web.Response(text=text, content_type="text/html", status=status)

    def fault(self, request: web.Request, status: int, text: str) -> web.Response:
        return self.page(request, "fault.html", status=status, number=status, text=text)


def _query(**values: object) -> str:
    known = {name: value for name, value in values.items() if value not in (None, "")}
    return f"?{urlencode(known)}" if known else ""


def _mark_of(directory: Path) -> str:
    """Changes with the files, so that a browser does not keep old ones."""
    marks = hashlib.sha256()
    for file in sorted(directory.iterdir()):
        marks.update(file.read_bytes())
    return marks.hexdigest()[:10]
