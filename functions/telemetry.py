"""What the functions tell of their own work: spans of a trace, and figures; the port, and what it is if nobody listens.

Spans have names of our choosing and say numbers and kinds, never whose event it was; figures have labels with few
values, so that no user, calendar or event is one. Who an alert is about stands in the log, by the same trace.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal, Protocol

from functions import tracing
from functions.tracing import Trace

Kind = Literal["server", "client", "internal"]
Fact = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Figure:
    """What is measured: a name, a unit, the labels that it may carry, and the `bounds` of a histogram's buckets."""

    name: str
    unit: str
    what: str
    labels: tuple[str, ...] = ()
    bounds: Sequence[float] | None = None


SECONDS = (0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 20, 30, 60, 120, 300, 900, 3600, 14400, 86400)

LATENCY = Figure(
    "lockstep.change.latency",
    "s",
    "From the notice of a change to the moment that all it asked for is done",
    (),
    SECONDS,
)
LAG = Figure(
    "lockstep.feed.lag",
    "s",
    "How long a feed's oldest notice had waited when a run began, or was found missing",
    (),
    SECONDS,
)
CHANGES = Figure("lockstep.changes", "1", "Marks by what became of an attempt at them", ("outcome",))
"""outcome: settled, postponed or parked; calls a change: the calls' count by that of the settled ones."""
DEAD = Figure("lockstep.dead", "1", "Dead letters: what was given up, or cannot be read")
CHANNELS = Figure("lockstep.channels.polled", "1", "Feeds by their channel's health, each once a poll", ("health",))
"""health: healthy, expiring (should have been renewed), lost (there is none), unwatched (none can be had)."""
CALLS = Figure(
    "lockstep.call.duration",
    "s",
    "Calls to the store, the queue, the calendar and the providers",
    ("to", "call", "outcome"),
    (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20),
)
"""to: store, queue, calendar or provider:NAME; outcome: ok, or the kind of the error."""

FIGURES = (LATENCY, LAG, CHANGES, DEAD, CHANNELS, CALLS)


class Span(Protocol):
    """A piece of work that is going on."""

    def say(self, **facts: Fact) -> None:
        """Add what has turned out."""


class Telemetry(Protocol):
    """Takes spans and figures; whether anybody listens, and how well, is nothing that the work could notice."""

    def trace(self) -> Trace | None:
        """The beginning of a new trace, for a request that brings none; None if nobody follows any."""

    def span(
        self, name: str, *, kind: Kind = "internal", link: str | None = None, **facts: Fact
    ) -> AbstractContextManager[Span]:
        """What is done in the block is this span, within the present one.

        `link` is the traceparent of where the work was asked for, if that was in another trace.
        """

    def tell(self, figure: Figure, value: float = 1, **labels: str) -> None:
        """Count, or measure, with all the labels that the figure has. Raises ValueError for others."""

    def answered(self) -> None:
        """A request has been worked off: perhaps nothing runs here until the next one comes."""

    def close(self) -> None:
        """Send what is still to be sent, and end."""


class NoSpan:
    """A span that nobody records."""

    __slots__ = ()

    def say(self, **facts: Fact) -> None:
        """Nothing."""


_NOTHING: AbstractContextManager[Span] = nullcontext(NoSpan())


class NoTelemetry:
    """Nobody listens."""

    def trace(self) -> Trace | None:
        """None."""
        return None

    def span(
        self,
        name: str,  # noqa: ARG002 - the port's
        *,
        kind: Kind = "internal",  # noqa: ARG002 - the port's
        link: str | None = None,  # noqa: ARG002 - the port's
        **facts: Fact,  # noqa: ARG002 - the port's
    ) -> AbstractContextManager[Span]:
        """The same empty span for everything."""
        return _NOTHING

    def tell(self, figure: Figure, value: float = 1, **labels: str) -> None:
        """Nothing."""

    def answered(self) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


NOBODY = NoTelemetry()


@contextmanager
def apart(telemetry: Telemetry, name: str) -> Iterator[Span]:
    """What is done in the block is a trace of its own, which only links to the present one: for one of many."""
    asked = tracing.header()
    with tracing.following(telemetry.trace()), telemetry.span(name, link=asked) as span:
        yield span


_made: ContextVar[list[str] | None] = ContextVar("calls", default=None)


@contextmanager
def counting() -> Iterator[list[str]]:
    """Whom the work in the block calls, on whichever lanes it is done: a name for each call."""
    made: list[str] = []
    token = _made.set(made)
    try:
        yield made
    finally:
        _made.reset(token)


def called(to: str) -> None:
    """Note a call for whoever counts."""
    made = _made.get()
    if made is not None:
        made.append(to)


def tally(made: Sequence[str]) -> dict[str, int]:
    """How many calls went to whom, as fields of a line."""
    return {f"{to}_calls": count for to, count in sorted(Counter(one.partition(":")[0] for one in made).items())}
