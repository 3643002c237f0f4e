"""Telemetry by OpenTelemetry, sent to a collector by OTLP over HTTP; the port is functions.telemetry.Telemetry.

Authority: https://opentelemetry.io/docs/specs/otlp/ and https://cloud.google.com/stackdriver/docs/reference/telemetry/overview
The texts of exceptions are left out: they may quote anything.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Self
from urllib.parse import urlsplit

import requests
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.metrics import Counter, Histogram
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, SpanKind, TraceFlags, set_span_in_context
from opentelemetry.trace import Span as OtelSpan
from opentelemetry.trace.status import Status, StatusCode

from functions import tracing
from functions.telemetry import FIGURES, Fact, Figure, Kind, Span
from functions.tracing import Trace
from infra.settings import Settings

_KINDS = {"server": SpanKind.SERVER, "client": SpanKind.CLIENT, "internal": SpanKind.INTERNAL}
_EVERY = 60.0
"""Seconds between two reports of the figures."""
_FLUSH_REST = 10.0
"""Seconds between two reports before an answer: Cloud Monitoring takes no point of a series sooner than after five."""
_PATIENCE = 2.0
"""Seconds that an answer, or the end of a process, may be held up by a report."""


class Otlp:
    """Spans and figures, sent to `endpoint` (the collector's address without a path) by `session`.

    They are sent from threads of their own. Where nothing runs between two requests these may not get to it: with
    `flush` they are sent before an answer goes out, which is held up for `patience` seconds at most, as the end is.
    A `share` of the traces is recorded, each as a whole: the decision is the trace id's, so that all functions come to
    the same one, whatever a caller's header asks for.
    """

    def __init__(
        self,
        endpoint: str,
        session: Callable[[], requests.Session],
        *,
        resource: Mapping[str, str],
        share: float = 1.0,
        timeout: float = 10.0,
        flush: bool = False,
        patience: float = _PATIENCE,
    ) -> None:
        if flush:
            # What no answer waits for any more need not go on for long.
            timeout = min(timeout, patience)
        base = endpoint.rstrip("/")
        about = Resource.create(dict(resource))
        self._tracers = TracerProvider(resource=about, sampler=TraceIdRatioBased(share))
        spans = OTLPSpanExporter(f"{base}/v1/traces", session=session(), timeout=timeout)
        self._tracers.add_span_processor(BatchSpanProcessor(spans))
        figures = OTLPMetricExporter(f"{base}/v1/metrics", session=session(), timeout=timeout)
        reader = PeriodicExportingMetricReader(figures, _EVERY * 1000, timeout * 1000)
        self._meters = MeterProvider([reader], about)
        self._tracer = self._tracers.get_tracer("lockstep")
        self._instruments = {figure.name: self._instrument(figure) for figure in FIGURES}
        self._flush, self._patience = flush, patience
        # Flushing takes as long as its exporters and all who flush at once let it, whatever force_flush is told.
        self._reporter = ThreadPoolExecutor(1, "telemetry")
        self._report: Future[None] | None = None
        self._flushed = 0.0
        self._lock = threading.Lock()

    @classmethod
    def to(cls, settings: Settings) -> Self:
        """As the settings say."""
        return cls(
            settings.telemetry_endpoint,
            session_for(settings.telemetry_endpoint),
            resource=_resource(settings, os.environ),
            share=settings.telemetry_share,
            timeout=settings.timeout,
            flush=settings.telemetry_flush,
        )

    def trace(self) -> Trace | None:
        """None: the first span begins a trace by itself."""
        return None

    @contextmanager
    def span(self, name: str, *, kind: Kind = "internal", link: str | None = None, **facts: Fact) -> Iterator[Span]:
        """As Telemetry."""
        here, asked = tracing.present(), tracing.parsed(link)
        elsewhere = asked is not None and (here is None or asked.id != here.id)
        span = self._tracer.start_span(
            name,
            set_span_in_context(NonRecordingSpan(_context(here))) if here else None,
            _KINDS[kind],
            facts,
            [Link(_context(asked))] if asked and elsewhere else [],
            record_exception=False,
            set_status_on_exception=False,
        )
        try:
            with tracing.following(_place(span)):
                yield _Recorded(span)
        except BaseException as error:
            span.set_attribute("error.type", type(error).__name__)
            span.set_status(Status(StatusCode.ERROR))
            raise
        finally:
            span.end()

    def tell(self, figure: Figure, value: float = 1, **labels: str) -> None:
        """As Telemetry. Raises ValueError for a label that the figure does not have."""
        if labels.keys() != {*figure.labels}:
            raise ValueError(f"{figure.name} has the labels {figure.labels}")
        instrument = self._instruments[figure.name]
        if isinstance(instrument, Histogram):
            instrument.record(value, labels)
        else:
            instrument.add(value, labels)

    def answered(self) -> None:
        """As Telemetry."""
        if self._flush:
            wait([self._next_report()], timeout=self._patience)

    def _next_report(self) -> Future[None]:
        """One that has not begun, so that it tells of all there is; whoever comes meanwhile waits for the same."""
        with self._lock:
            if self._report is None or self._report.running() or self._report.done():
                self._report = self._reporter.submit(self._send)
            return self._report

    def _send(self) -> None:
        self._tracers.force_flush()
        if time.monotonic() - self._flushed > _FLUSH_REST:
            self._flushed = time.monotonic()
            self._meters.force_flush(_PATIENCE * 1000)

    def close(self) -> None:
        """As Telemetry; what the collector has not taken after `patience` seconds is lost."""
        self._reporter.shutdown(cancel_futures=True)
        until = time.monotonic() + self._patience
        # It takes no bound, and would wait for a collector that is not there for as long as a report may take.
        spans = threading.Thread(target=self._tracers.shutdown, name="telemetry-end", daemon=True)
        spans.start()
        self._meters.shutdown(self._patience * 1000)
        spans.join(max(until - time.monotonic(), 0.0))

    def _instrument(self, figure: Figure) -> Counter | Histogram:
        meter = self._meters.get_meter("lockstep")
        if figure.bounds is None:
            return meter.create_counter(figure.name, figure.unit, figure.what)
        return meter.create_histogram(
            figure.name, figure.unit, figure.what, explicit_bucket_boundaries_advisory=list(figure.bounds)
        )


class _Recorded:
    """A span that goes on."""

    def __init__(self, span: OtelSpan) -> None:
        self._span = span

    def say(self, **facts: Fact) -> None:
        """As Span."""
        self._span.set_attributes(facts)


def _context(trace: Trace) -> SpanContext:
    flags = TraceFlags(TraceFlags.SAMPLED if trace.sampled else TraceFlags.DEFAULT)
    return SpanContext(int(trace.id, 16), int(trace.span, 16), is_remote=True, trace_flags=flags)


def _place(span: OtelSpan) -> Trace:
    context = span.get_span_context()
    return Trace(f"{context.trace_id:032x}", f"{context.span_id:016x}", bool(context.trace_flags.sampled))


def _resource(settings: Settings, environ: Mapping[str, str]) -> dict[str, str]:
    """What sends: one service, of which each function is a part; Google's own endpoint asks for the project."""
    named = {"faas.name": environ.get("K_SERVICE"), "service.version": environ.get("K_REVISION")}
    known = {name: value for name, value in named.items() if value}
    return {
        "service.name": "lockstep",
        "service.instance.id": os.urandom(8).hex(),
        "gcp.project_id": settings.project,
        "cloud.region": settings.region,  # Cloud Monitoring takes no figure without a place
        **known,
    }


# ---- Over the wire --------------------------------------------------------------------------

_GOOGLE = ".googleapis.com"
_SCOPE = "https://www.googleapis.com/auth/cloud-platform"


def session_for(endpoint: str) -> Callable[[], requests.Session]:
    """What makes sessions for the collector: as the place's own account where it is Google's, else as nobody.

    The machine's proxies are not used, and the exporters follow no answer that leads elsewhere.
    """
    google = (urlsplit(endpoint).hostname or "").endswith(_GOOGLE)

    def session() -> requests.Session:
        made = _as_ourselves() if google else requests.Session()
        made.trust_env = False
        return made

    return session


def _as_ourselves() -> requests.Session:
    import google.auth  # noqa: PLC0415 - only where it is Google that listens
    from google.auth.transport.requests import AuthorizedSession  # noqa: PLC0415 - as above

    credentials, _ = google.auth.default(scopes=[_SCOPE])
    return AuthorizedSession(credentials)
