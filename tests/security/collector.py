"""A collector of telemetry on this machine: takes OTLP over HTTP as any other would, and remembers what came.

Authority: https://opentelemetry.io/docs/specs/otlp/#otlphttp
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

Labels = frozenset[tuple[str, Any]]


@dataclass(frozen=True, slots=True)
class Span:
    """A span as it was sent; ids are hexadecimal, `parent` is empty for a root."""

    name: str
    trace: str
    id: str
    parent: str
    says: Mapping[str, Any]
    links: tuple[str, ...]  # traces
    failed: bool


@dataclass(slots=True)
class Collector:
    """What has come, request by request."""

    address: str = ""
    status: int = 200
    requests: list[tuple[str, bytes]] = field(default_factory=list)

    def spans(self) -> list[Span]:
        """Every span, in the order they ended."""
        sent = (ExportTraceServiceRequest.FromString(body) for path, body in self.requests if path == "/v1/traces")
        return [
            Span(
                span.name,
                span.trace_id.hex(),
                span.span_id.hex(),
                span.parent_span_id.hex(),
                _plain(span.attributes),
                tuple(link.trace_id.hex() for link in span.links),
                span.status.code == span.status.STATUS_CODE_ERROR,
            )
            for request in sent
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def figures(self) -> dict[str, dict[Labels, Any]]:
        """The last report's figures by name and labels: a number, or a histogram's data point."""
        *_, last = (body for path, body in self.requests if path == "/v1/metrics")
        return {
            metric.name: {
                frozenset(_plain(point.attributes).items()): point
                if metric.HasField("histogram")
                else point.as_int or point.as_double
                for point in (metric.histogram.data_points or metric.sum.data_points)
            }
            for resource in ExportMetricsServiceRequest.FromString(last).resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }

    def count(self, figure: str, **labels: str) -> int:
        """How often it was told with these labels among its own."""
        found = self.figures().get(figure, {})
        points = [point for of, point in found.items() if labels.items() <= dict(of).items()]
        return int(sum(getattr(point, "count", point) for point in points))

    def resources(self) -> list[dict[str, Any]]:
        """Who has sent."""
        sent = (ExportTraceServiceRequest.FromString(body) for path, body in self.requests if path == "/v1/traces")
        return [_plain(one.resource.attributes) for request in sent for one in request.resource_spans]


def names(spans: list[Span]) -> Counter[str]:
    """How many of each name."""
    return Counter(span.name for span in spans)


def _plain(attributes: Any) -> dict[str, Any]:
    return {one.key: _value(one) for one in attributes}


def _value(one: KeyValue) -> Any:
    kind = one.value.WhichOneof("value")
    return getattr(one.value, kind) if kind else None


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector at a free port of this machine."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            collector.requests.append((self.path, body))
            self.send_response(collector.status)
            self.send_header("Content-Length", "0")
            self.send_header("Location", "/elsewhere")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = False
    collector.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
