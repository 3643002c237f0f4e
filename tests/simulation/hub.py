"""The scheduler: one thread, one clock, and workers that hand control back whenever they call out of the product.

A discrete-event simulation: each call takes its time, and who is due next goes on. The product's code stays plain and
synchronous, since each worker is a greenlet.
"""

from __future__ import annotations

import contextvars
import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from greenlet import getcurrent, greenlet

T = TypeVar("T")


class Crash(BaseException):
    """The process is gone; nothing in the product may catch this."""


class Process:
    """What dies together: one instance of a function, with all its lanes."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.dead = False
        self.workers: list[Worker] = []


@dataclass(slots=True, eq=False)
class Worker:
    """One line of execution; `name` is stable from run to run, `calls` numbers what it has called."""

    name: str
    process: Process
    run: Callable[[], object]
    ended: Callable[[Worker], None]
    line: greenlet | None = None
    calls: int = 0
    result: object = None
    error: BaseException | None = None
    over: bool = False


_Due = tuple[float, int, Worker | Callable[[], None]]


class Hub:
    """Owns time and order; `seconds` is the present, in seconds since the epoch."""

    def __init__(self, start: float) -> None:
        self.seconds = start
        self._due: list[_Due] = []
        self._numbered = 0
        self._until = start
        self._shown = start, datetime.fromtimestamp(start, UTC)
        self._main = getcurrent()
        self._idle: list[greenlet] = []
        self.current: Worker | None = None
        """The worker that runs now."""

    def now(self) -> datetime:
        """The present instant, aware, UTC."""
        seconds, shown = self._shown
        if seconds != self.seconds:
            shown = datetime.fromtimestamp(self.seconds, UTC)
            self._shown = self.seconds, shown
        return shown

    @property
    def busy(self) -> bool:
        """True while some worker is in the middle of what it does."""
        return any(isinstance(what, Worker) for _, _, what in self._due)

    def at(self, when: float, what: Callable[[], None]) -> None:
        """Have something happen at an instant, or now if that is past."""
        self._push(when, what)

    def spawn(self, name: str, run: Callable[[], object], ended: Callable[[Worker], None]) -> Worker:
        """Start a worker in a process of its own."""
        return self._start(name, Process(name), run, ended)

    def sleep(self, seconds: float) -> None:
        """Let the current worker wait while others go on."""
        until = self.seconds + seconds if seconds > 0.0 else self.seconds
        worker = self.current
        if worker is not None and until <= self._until and (not self._due or self._due[0][0] > until):
            # Nobody comes before: this worker would be the next.
            self.seconds = until
            return
        worker = self._running()
        self._push(until, worker)
        self._main.switch()
        self._check_alive(worker)

    def run(self, until: float) -> None:
        """Let everything happen that is due by then; then it is then."""
        self._until = until
        while self._due and self._due[0][0] <= until:
            at, _, what = heapq.heappop(self._due)
            self.seconds = max(self.seconds, at)
            if isinstance(what, Worker):
                self._resume(what)
            else:
                what()
        self.seconds = max(self.seconds, until)

    def close(self) -> None:
        """End every worker that is still waiting; who has spawned any does so in the end."""
        waiting = [what for _, _, what in self._due if isinstance(what, Worker)]
        self._due.clear()
        for worker in waiting:
            for other in worker.process.workers:
                other.ended = _nobody_minds
            self.kill(worker.process)
        for line in self._idle:
            line.throw()
        self._idle.clear()

    def kill(self, process: Process) -> None:
        """End a process: none of its workers does anything any more."""
        process.dead = True
        for worker in process.workers:
            if worker.over:
                continue
            if worker.line is None:
                worker.over, worker.error = True, Crash(worker.name)
            else:
                self.current = worker
                worker.line.throw(Crash(worker.name))
                self.current = None
            worker.ended(worker)

    # ---- side by side -----------------------------------------------------------------------

    def side_by_side(self, calls: Sequence[Callable[[], T]], width: int) -> list[T | Exception]:
        """Make calls in lanes of the current process, at most `width` at once."""
        parent = self._running()
        if not calls:
            return []
        waiting = list(enumerate(calls))
        lanes: dict[int, Worker] = {}
        open_calls = len(calls)

        def begin() -> None:
            at, call = waiting.pop(0)
            context = contextvars.copy_context()
            # Numbered through the whole life of the process: no two workers have one name.
            name = f"{parent.name}/{len(parent.process.workers) - 1}"
            lanes[at] = self._start(name, parent.process, lambda: context.run(call), ended)

        def ended(_: Worker) -> None:
            nonlocal open_calls
            open_calls -= 1
            if waiting and not parent.process.dead:
                begin()
            elif not open_calls:
                self._push(self.seconds, parent)

        for _ in range(min(width, len(calls))):
            begin()
        self._main.switch()
        self._check_alive(parent)
        return [_outcome(lanes[at]) for at in range(len(calls))]  # type: ignore[misc]  # what a call of T returned

    # ---- workers ----------------------------------------------------------------------------

    def _start(self, name: str, process: Process, run: Callable[[], object], ended: Callable[[Worker], None]) -> Worker:
        worker = Worker(name, process, run, ended)
        process.workers.append(worker)
        self._push(self.seconds, worker)
        return worker

    def _resume(self, worker: Worker) -> None:
        if worker.over or worker.process.dead:
            return
        self.current = worker
        if worker.line is None:
            worker.line = self._idle.pop() if self._idle else greenlet(self._work, self._main)
            worker.line.switch(worker)
        else:
            worker.line.switch()
        self.current = None
        self._after(worker)

    def _after(self, worker: Worker) -> None:
        if worker.over:
            worker.ended(worker)
        if worker.process.dead:
            self.kill(worker.process)

    def _work(self, worker: Worker) -> None:
        """Live through one worker after the other, each in a context of its own: a new line costs more than most do."""
        while True:
            self._live(worker)
            self._idle.append(getcurrent())
            worker = self._main.switch()

    def _live(self, worker: Worker) -> None:
        try:
            worker.result = contextvars.Context().run(worker.run)
        except Crash as crash:
            worker.error = crash
            worker.process.dead = True
        except BaseException as error:  # noqa: BLE001 - carried over to whoever started the worker
            worker.error = error
        worker.over = True

    def _running(self) -> Worker:
        if self.current is None:
            raise RuntimeError("no worker runs")
        return self.current

    def _check_alive(self, worker: Worker) -> None:
        if worker.process.dead:
            raise Crash(worker.name)

    def _push(self, when: float, what: Worker | Callable[[], None]) -> None:
        self._numbered += 1
        heapq.heappush(self._due, (max(when, self.seconds), self._numbered, what))


def _nobody_minds(_: Worker) -> None:
    return


def _outcome(worker: Worker) -> object:
    if isinstance(worker.error, Exception):
        return worker.error
    if worker.error is not None:
        raise worker.error
    return worker.result
