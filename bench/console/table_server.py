"""`python -m bench.console.table_server MAILS`: a table service in memory, full of mail.

Azurite walks through a whole table for any query, so its times say nothing of the real service.
This stand-in keeps the order of keys as the service does, answers after a round trip as over a
network, and counts what it had to look at. What it does not know is an error; and it only reads.
"""

import json
import re
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qsl, unquote, urlsplit

from bench.console.filters import BadFilter, read_filter
from bench.console.past import Mails, status_rows
from bench.console.tables import MOST_ROWS, Entity, Stored, Table, ask

ROUND_TRIP = 0.005
"""Seconds from the question to the answer's beginning."""
_PATH = re.compile(
    r"/[^/]+/(?P<table>\w+)\((?:PartitionKey='(?P<partition>[^']*)',RowKey='(?P<row>[^']*)')?\)"
)
_KNOWN = {"$filter", "$top", "$select", "NextPartitionKey", "NextRowKey"}


@dataclass
class Counted:
    """What was asked for since it was last told."""

    requests: int = 0
    looked_at: int = 0
    returned: int = 0
    unbounded: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def told(self) -> dict[str, Any]:
        """All of it; from now on it is counted anew."""
        told = asdict(self)
        vars(self).update(vars(Counted()))
        return told


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 64 * 1024
    tables: ClassVar[Mapping[str, Table]]
    counted: ClassVar[Counted]
    lock: ClassVar[threading.Lock]

    def do_GET(self) -> None:
        if self.path == "/counted":
            self._tell()
            return
        time.sleep(ROUND_TRIP)
        address = urlsplit(self.path)
        found = _PATH.fullmatch(unquote(address.path))
        options = dict(parse_qsl(address.query))
        if found is None or found["table"] not in self.tables or not options.keys() <= _KNOWN:
            self._refuse(400, "InvalidInput", self.path)
        elif found["row"] is None:
            self._query(self.tables[found["table"]], options)
        else:
            self._find(self.tables[found["table"]], found["partition"], found["row"])

    def _any(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._refuse(405, "UnsupportedHttpVerb", f"{self.command} {self.path}")

    do_POST = do_PUT = do_PATCH = do_DELETE = do_MERGE = _any

    def _query(self, table: Table, options: dict[str, str]) -> None:
        most = int(options.get("$top", MOST_ROWS))
        begin = options.get("NextPartitionKey"), options.get("NextRowKey", "")
        try:
            wanted = read_filter(options.get("$filter", ""))
        except BadFilter as fault:
            self._refuse(400, "InvalidInput", str(fault))
            return
        if not 0 < most <= MOST_ROWS:
            self._refuse(400, "InvalidInput", f"$top={most}")
            return
        answer = ask(table, wanted, most, None if begin[0] is None else (begin[0], begin[1]))
        self._count(answer.looked_at, len(answer.entities))
        if not wanted.is_bounded:
            self.counted.unbounded.append(options.get("$filter", ""))
        columns = options["$select"].split(",") if "$select" in options else None
        body = {"value": [_as_json(entity, columns) for entity in answer.entities]}
        goes_on = dict(zip(("NextPartitionKey", "NextRowKey"), answer.goes_on or (), strict=False))
        self._answer(200, body, {f"x-ms-continuation-{name}": to for name, to in goes_on.items()})

    def _find(self, table: Table, partition: str, row: str) -> None:
        place = table.place(partition, row)
        self._count(1, 1)
        if place < len(table) and table.key(place) == (partition, row):
            self._answer(200, _as_json(table.entity(place), None))
        else:
            self._answer(404, _fault("ResourceNotFound", "The resource does not exist."))

    def _count(self, looked_at: int, returned: int) -> None:
        with self.lock:
            self.counted.requests += 1
            self.counted.looked_at += looked_at
            self.counted.returned += returned

    def _tell(self) -> None:
        with self.lock:
            told = self.counted.told()
        self._answer(200, told)

    def _refuse(self, status: int, code: str, why: str) -> None:
        self.counted.refused.append(why)
        self._answer(status, _fault(code, why))

    def _answer(
        self, status: int, body: Mapping[str, Any], fields: Mapping[str, str] | None = None
    ) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json;odata=minimalmetadata")
        self.send_header("Content-Length", str(len(text)))
        for name, value in (fields or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: object) -> None:
        return


def _as_json(entity: Entity, columns: list[str] | None) -> dict[str, Any]:
    shown: dict[str, Any] = {"odata.etag": "W/\"datetime'2026-11-21T00%3A00%3A00Z'\""}
    for name in columns or entity:
        value = entity.get(name)
        if isinstance(value, datetime):
            shown[f"{name}@odata.type"] = "Edm.DateTime"
            shown[name] = value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        elif columns is None or value is not None:
            shown[name] = value
    return shown


def _fault(code: str, text: str) -> dict[str, Any]:
    return {"odata.error": {"code": code, "message": {"lang": "en-US", "value": text}}}


def serve(mails: int) -> None:
    """Fill the tables, say the address, and answer until the end of the process."""
    now = datetime.now(UTC)
    deliveries = Mails(mails, now)
    Handler = type(
        "Handler",
        (_Handler,),
        {
            "tables": {"deliveries": deliveries, "status": Stored(status_rows(deliveries, now))},
            "counted": Counted(),
            "lock": threading.Lock(),
        },
    )
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        sys.stdout.write(f"http://127.0.0.1:{server.server_port}\n")
        sys.stdout.flush()
        server.serve_forever()


if __name__ == "__main__":
    serve(int(sys.argv[1]))
