"""Spans of a mail's way from DATA to the provider's answer, for a collector of OpenTelemetry.

Only where OTEL_EXPORTER_OTLP_ENDPOINT is set is anything of it loaded. A ticket carries the
traceparent of the edge's first span (https://www.w3.org/TR/trace-context/), since a Storage queue
message has no place beside its text. Attributes are ids, names, counts and codes: no address, no
subject, nothing of the content.
"""

from collections.abc import Mapping
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from opentelemetry import trace

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
_ENDPOINT_OF_TRACES = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"


class TracesUnavailable(Exception):
    """Traces are wanted, and the packages for them are not installed."""


def traces_of(environment: Mapping[str, str], service: str) -> "Traces | None":
    """None unless an exporter is configured. Raises TracesUnavailable."""
    if not (environment.get(ENDPOINT) or environment.get(_ENDPOINT_OF_TRACES)):
        return None
    try:
        return Traces(service)
    except ImportError as error:
        raise TracesUnavailable(
            f"{ENDPOINT} is set, but the package {error.name} is not installed: install "
            "opentelemetry-sdk and opentelemetry-exporter-otlp-proto-http, or take the setting out."
        ) from error


class Span:
    """Something that takes time. It is told when it has ended; else nobody hears of it."""

    def __init__(self, span: "trace.Span") -> None:
        self._span = span

    @property
    def traceparent(self) -> str:
        context = self._span.get_span_context()
        return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"

    def note(self, **attributes: str | int) -> None:
        self._span.set_attributes({f"relay.{name}": text for name, text in attributes.items()})

    def end(self) -> None:
        self._span.end()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        if kind is not None:
            self._fail(kind.__name__)
        self.end()

    def _fail(self, error: str) -> None:
        """By its name alone: what a fault says may hold addresses."""
        from opentelemetry.trace import StatusCode

        self.note(error=error)
        self._span.set_status(StatusCode.ERROR)


class Traces:
    """Sends spans to the collector, in the background and in batches."""

    def __init__(self, service: str) -> None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import SERVICE_NAME, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._propagator = TraceContextTextMapPropagator()
        self._provider = TracerProvider(resource=Resource.create({SERVICE_NAME: service}))
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("relay")

    def begin(
        self,
        name: str,
        parent: str | None = None,
        since: datetime | None = None,
        **attributes: str | int,
    ) -> Span:
        """A span that is a child of the one of the traceparent `parent`, or the first of all."""
        carrier = {"traceparent": parent} if parent else {}
        span = self._tracer.start_span(
            name,
            context=self._propagator.extract(carrier),
            start_time=int(since.timestamp() * 1e9) if since else None,
        )
        begun = Span(span)
        begun.note(**attributes)
        return begun

    def close(self) -> None:
        """Send what is left."""
        self._provider.shutdown()
