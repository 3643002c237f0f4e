"""Where a call leaves the product: time passes, others go on, and whatever may go wrong goes wrong here."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, TypeVar

from tests.simulation.chance import Chance
from tests.simulation.faults import Fault, Faults
from tests.simulation.hub import Crash, Hub, Process

T = TypeVar("T")

DONE_UNANSWERED = frozenset(
    {
        Fault.CALENDAR_LOST,
        Fault.CALENDAR_5XX_DONE,
        Fault.PROVIDER_LOST,
        Fault.STORE_LOST,
        Fault.QUEUE_LOST,
    }
)
UNDONE_UNANSWERED = frozenset({Fault.PROVIDER_UNDONE, Fault.STORE_UNDONE})
DONE_LATE = frozenset({Fault.CALENDAR_LATE, Fault.PROVIDER_LATE, Fault.STORE_LATE})
_DOUBLING = frozenset({Fault.SLOW_BEFORE, Fault.SLOW_AFTER, *DONE_LATE})
"""Two at once work on one thing, or what was given up is done after all."""
TIMEOUT = 10.0
"""Seconds after which a caller gives up waiting for an answer."""


class Watcher(Protocol):
    """Who is told of every call and every fault."""

    def called(self, system: str, operation: str, fault: str | None) -> None:
        """A call was made."""

    def excuse(self, token: str, faults: int, doubles: int) -> None:
        """So many faults struck a process that made a meeting for this event; so many may each have made another."""


class Call(NamedTuple):
    """One kind of outgoing call.

    `refused` answers or raises what a fault without effect looks like, `unanswered` what a lost answer does.
    """

    kind: str
    system: str
    operation: str
    latency: float
    refused: Callable[[Fault, float], Any]
    unanswered: Callable[[Fault], Any]


@dataclass(slots=True)
class Crossing:
    """Makes calls for the worker that runs; keeps the trace."""

    hub: Hub
    chance: Chance
    faults: Faults
    watcher: Watcher
    nothing_is_found: bool = False
    """A meeting that was just made may not be found, so that whatever goes wrong may lead to another."""
    trace: list[tuple[float, str, str]] = field(default_factory=list)
    slowed: dict[Process, int] = field(default_factory=dict)
    doubling: dict[Process, int] = field(default_factory=dict)
    makers: dict[Process, list[str]] = field(default_factory=dict)
    groundless: set[Process] = field(default_factory=set)
    """Those whose store or queue has failed."""

    def make(self, call: Call, act: Callable[[], T]) -> T:
        """Make the call, as well as it goes. Called by nobody's worker, it is just made."""
        worker = self.hub.current
        if worker is None:
            return act()
        if worker.process.dead:
            raise Crash(worker.name)
        worker.calls += 1
        name = f"{worker.name}:{worker.calls} {call.operation}"
        go, back, drawn, extra = self.chance.numbers(name)
        fault = self.faults.strike(call.kind, name, drawn)
        self.watcher.called(call.system, call.operation, fault.value if fault else None)
        if fault is not None:
            self.note(name, fault.value)
            self.blame(worker.process, doubles=self.nothing_is_found or fault in _DOUBLING)
            if call.system in {"store", "queue"}:
                self.groundless.add(worker.process)
            return self._struck(call, act, fault, extra)
        self.hub.sleep(call.latency * go)
        try:
            result = act()
        except Exception as error:
            self.note(name, type(error).__name__)
            self.hub.sleep(call.latency * back)
            raise
        self.note(name, "")
        self.hub.sleep(call.latency * back)
        return result

    def note(self, name: str, what: str) -> None:
        """Write a line into the trace."""
        self.trace.append((self.hub.seconds, name, what))

    def making(self, token: str) -> None:
        """The running process makes a meeting for this event: what struck it, and will, may cost a spare."""
        worker = self.hub.current
        if worker is None:
            return
        tokens = self.makers.setdefault(worker.process, [])
        if token not in tokens:
            tokens.append(token)
            if worker.process in self.slowed:
                self.watcher.excuse(token, self.slowed[worker.process], self.doubling.get(worker.process, 0))

    def blame(self, process: Process, *, doubles: bool = True) -> None:
        """Something has struck this process; where it `doubles` work, what it makes may be one too many."""
        self.slowed[process] = self.slowed.get(process, 0) + 1
        self.doubling[process] = self.doubling.get(process, 0) + doubles
        for token in self.makers.get(process, ()):
            self.watcher.excuse(token, 1, int(doubles))

    def _struck(self, call: Call, act: Callable[[], T], fault: Fault, extra: float) -> T:
        held_up = 20.0 + 180.0 * extra
        if fault is Fault.CRASH_BEFORE:
            self.hub.sleep(call.latency * extra)
            raise Crash(call.operation)
        if fault is Fault.SLOW_BEFORE:
            self.hub.sleep(held_up)
            return act()
        self.hub.sleep(call.latency * extra)
        if fault is Fault.CRASH_AFTER:
            _anyway(act)
            raise Crash(call.operation)
        if fault is Fault.SLOW_AFTER:
            return self._held_up(act, held_up)
        if fault in DONE_LATE:
            self.hub.at(self.hub.seconds + 5.0 + 115.0 * extra, lambda: _anyway(act))
        elif fault in DONE_UNANSWERED:
            _anyway(act)
        elif fault not in UNDONE_UNANSWERED:
            refusal: T = call.refused(fault, extra)
            return refusal
        self.hub.sleep(TIMEOUT)
        answer: T = call.unanswered(fault)
        return answer

    def _held_up(self, act: Callable[[], T], seconds: float) -> T:
        try:
            return act()
        finally:
            self.hub.sleep(seconds)


def _anyway(act: Callable[[], Any]) -> None:
    with suppress(Exception):
        act()
