"""One mail, one trace: from DATA at the edge to the provider's answer, through real processes."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, ClassVar

import pytest

from edge.forwarder import hand_over
from edge.settings import SpoolSettings
from edge.spool import Spool
from handoff.account import Account
from handoff.outbox import Outbox, OutboxUnavailable
from handoff.storage import Storage
from handoff.traces import traces_of
from local.graph_simulator.client import SimulatorClient
from tests.edge.program import Edge, config
from tests.edge.test_spool import put
from tests.fixtures.serving import serving
from tests.function_app.conftest import start  # noqa: F401  a fixture
from tests.function_app.host import Start
from tests.test_end_to_end import PRINTER, is_sent, until

trace_service = pytest.importorskip("opentelemetry.proto.collector.trace.v1.trace_service_pb2")
ROOT = Path(__file__).parent.parent
SUBJECT = b"Payslip of Ann"
MAIL = b"From: a@x.org\r\nTo: ann@contoso.com\r\nSubject: " + SUBJECT + b"\r\n\r\nConfidential.\r\n"


class Collector:
    """What was exported to it, over OTLP/HTTP."""

    def __init__(self, address: str, bodies: list[bytes]) -> None:
        self.address = address
        self.bodies = bodies

    @property
    def spans(self) -> dict[str, Any]:
        """By name."""
        found: dict[str, Any] = {}
        for body in self.bodies:
            request = trace_service.ExportTraceServiceRequest.FromString(body)
            for of_resource in request.resource_spans:
                for of_scope in of_resource.scope_spans:
                    found |= {span.name: span for span in of_scope.spans}
        return found


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    bodies: ClassVar[list[bytes]]

    def do_POST(self) -> None:
        self.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture
def collector() -> Iterator[Collector]:
    bodies: list[bytes] = []
    handler = type("Handler", (_Handler,), {"bodies": bodies})
    with serving(handler) as address:
        yield Collector(address, bodies)


@contextmanager
def running_edge(directory: Path, account: str, **environment: str) -> Iterator[Edge]:
    edge = Edge(config(directory, account, PRINTER), **environment)
    try:
        yield edge
        assert edge.child.stop() == 0
    finally:
        edge.child.kill()


def test_a_mail_has_one_trace_from_data_to_the_providers_answer(
    collector: Collector,
    tmp_path: Path,
    mail_account: str,
    graph: SimulatorClient,
    storage: Storage,
    start: Start,  # noqa: F811
) -> None:
    exporter = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.address,
        "OTEL_BSP_SCHEDULE_DELAY": "100",
    }
    with running_edge(tmp_path, mail_account, **exporter) as edge:
        mail_id = edge.send(MAIL)
        start(**exporter)
        until(lambda: is_sent(storage, mail_id))
        until(lambda: {"receive", "forward", "deliver"} <= collector.spans.keys())
    receive, forward, deliver = (collector.spans[n] for n in ("receive", "forward", "deliver"))

    assert receive.trace_id == forward.trace_id == deliver.trace_id
    assert receive.span_id == forward.parent_span_id == deliver.parent_span_id
    assert receive.parent_span_id == b""
    assert receive.start_time_unix_nano <= forward.start_time_unix_nano
    assert receive.end_time_unix_nano <= deliver.start_time_unix_nano < deliver.end_time_unix_nano

    told = {item.key: item.value.string_value for item in deliver.attributes}

    assert (told["relay.id"], told["relay.outcome"]) == (mail_id, "sent")
    for secret in (SUBJECT, b"@contoso.com", b"@x.org", b"Confidential", b"127.0.0"):
        assert not any(secret in body for body in collector.bodies)


async def test_a_try_of_the_edge_that_failed_is_told_as_such(
    collector: Collector, tmp_path: Path, storage: Storage, mail_account: str
) -> None:
    spool = Spool.open(SpoolSettings(directory=tmp_path))
    ticket = await put(spool, MAIL)
    (entry,) = await spool.next_entries(0, 1)
    storage.outbound.delete_queue()
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.address)
        traces = traces_of(os.environ, "relay-edge")
    assert traces is not None
    async with Outbox(Account(connection_string=mail_account)) as outbox:
        with pytest.raises(OutboxUnavailable):
            await hand_over(outbox, entry, traces)
    await asyncio.to_thread(traces.close)
    await spool.close()
    forward = collector.spans["forward"]
    told = {item.key: item.value.string_value for item in forward.attributes}

    assert (told["relay.id"], told["relay.error"]) == (ticket.id, "OutboxUnavailable")
    assert forward.status.code == forward.status.STATUS_CODE_ERROR
    assert not any(SUBJECT in body or b"contoso" in body for body in collector.bodies)


def test_without_an_exporter_nothing_of_it_is_loaded(tmp_path: Path) -> None:
    program = (
        "import sys, edge.__main__, function_app.root, handoff.traces\n"
        "assert handoff.traces.traces_of({}, 'relay') is None\n"
        "sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=os.environ, check=False, timeout=60
    )

    assert done.returncode == 0


def test_an_empty_exporter_is_none() -> None:
    assert traces_of({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, "relay") is None


def test_without_the_packages_the_edge_says_what_to_install(
    tmp_path: Path, mail_account: str
) -> None:
    # A package of that name which is none: as if it were not there.
    (tmp_path / "opentelemetry.py").write_text("raise ImportError(name='opentelemetry')")
    done = subprocess.run(
        [sys.executable, "-m", "edge", "--config", config(tmp_path, mail_account, PRINTER)],
        cwd=ROOT,
        env=os.environ
        | {
            "PYTHONPATH": str(tmp_path),
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == 4
    assert "install opentelemetry-sdk" in done.stderr
