"""Calls the tasks of every queue when they are due: as fast and as many at once as the queue may.

https://cloud.google.com/tasks/docs/configuring-queues
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

import structlog
from google.cloud import tasks_v2

from infra.local.cloudtasks.book import Book
from infra.local.cloudtasks.calling import Caller
from infra.local.cloudtasks.faults import FaultBox
from infra.local.cloudtasks.flight import Flight, Landing
from infra.local.cloudtasks.limits import backoff, outlived, used_up
from infra.local.cloudtasks.pacing import Bucket

LOOK = 0.1
"""Seconds after which a clock that was put forward is noticed, at the latest."""
FORGET = 60.0
"""Seconds between two looks for tasks that are too old."""
REST = 0.1

_log = structlog.get_logger(__name__)


class Dispatcher:
    """One thread that sends tasks off, and one for each call.

    A call that still runs when its process ends is made again by the next.
    """

    def __init__(self, book: Book, caller: Caller, now: Callable[[], datetime], faults: FaultBox) -> None:
        self._book = book
        self._caller = caller
        self._now = now
        self._faults = faults
        self._changed = threading.Condition()
        self._wake = False
        self._stopping = False
        self._flying: Counter[str] = Counter()
        self._threads: set[threading.Thread] = set()
        self._buckets: dict[str, Bucket] = {}
        self._pump = threading.Thread(target=self._run, name="cloudtasks", daemon=True)

    def start(self) -> None:
        """Begin to call."""
        self._pump.start()

    def stop(self, patience: timedelta = timedelta(seconds=10)) -> bool:
        """Send nothing more off and wait for the running calls; False if some went on beyond `patience`."""
        until = time.monotonic() + patience.total_seconds()
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._pump.ident is not None:
            self._pump.join()
        for thread in self._running():
            thread.join(max(0.0, until - time.monotonic()))
        return not any(thread.is_alive() for thread in self._running())

    def notice(self) -> None:
        """Something has changed: a task, a queue, or the clock."""
        with self._changed:
            self._wake = True
            self._changed.notify_all()

    def run_now(self, flight: Flight) -> None:
        """Make a call that was forced, whatever the queue's limits."""
        self._send(flight)

    # ---- The one thread that sends off ----------------------------------------------------------

    def _run(self) -> None:
        forgot = time.monotonic()
        while not self._stopping:
            try:
                waits = [self._hand_out(queue) for queue in self._book.queues()]
                if time.monotonic() - forgot > FORGET:
                    forgot = time.monotonic()
                    self._book.forget_old(self._now())
            except sqlite3.Error as error:
                _log.warning("The book cannot be read", error=type(error).__name__)
                waits = [REST]
            self._wait(waits)

    def _hand_out(self, queue: tasks_v2.Queue) -> float:
        """Send off what may go; seconds until more may."""
        bucket = self._bucket(queue)
        if queue.state != tasks_v2.Queue.State.RUNNING:
            return LOOK
        with self._changed:
            free = queue.rate_limits.max_concurrent_dispatches - self._flying[queue.name]
        room = min(free, bucket.tokens())
        flights = self._book.claim(queue.name, room, self._now(), shuffled=self._faults.shuffled) if room > 0 else []
        bucket.take(len(flights))
        for flight in flights:
            self._send(flight)
            if self._faults.strikes("delivered_twice"):
                self._send(flight)
        due = self._book.next_due(queue.name)
        if due is None or free <= len(flights):
            return LOOK  # a new task, or the end of a call, wakes it sooner
        return max(bucket.next_in(), (due - self._now()).total_seconds())

    def _bucket(self, queue: tasks_v2.Queue) -> Bucket:
        limits = queue.rate_limits
        bucket = self._buckets.get(queue.name)
        if bucket is None:
            bucket = Bucket(limits.max_dispatches_per_second, limits.max_burst_size, time.monotonic)
            self._buckets[queue.name] = bucket
        bucket.set(limits.max_dispatches_per_second, limits.max_burst_size)
        return bucket

    def _wait(self, waits: Iterable[float]) -> None:
        # Never long: the clock may be put forward.
        wait = min(LOOK, max(min(waits, default=LOOK), 0.001))
        with self._changed:
            self._changed.wait_for(lambda: self._wake or self._stopping, wait)
            self._wake = False

    # ---- The threads that call ------------------------------------------------------------------

    def _send(self, flight: Flight) -> None:
        thread = threading.Thread(target=self._fly, args=(flight,), name=f"call-{flight.id[:20]}", daemon=True)
        with self._changed:
            self._flying[flight.queue] += 1
            self._threads.add(thread)
        try:
            thread.start()
        except RuntimeError:  # the machine has no more threads to give
            self._end(flight, Landing(None, "no thread"), thread)

    def _fly(self, flight: Flight) -> None:
        self._end(flight, self._caller.call(flight), threading.current_thread())

    def _end(self, flight: Flight, landing: Landing, thread: threading.Thread) -> None:
        try:
            self._land_surely(flight, landing)
        finally:
            with self._changed:
                self._flying[flight.queue] -= 1
                self._threads.discard(thread)
                self._wake = True
                self._changed.notify_all()

    def _land_surely(self, flight: Flight, landing: Landing) -> None:
        # Left in the air the task would not be called again before a restart.
        while True:
            try:
                self._land(flight, landing)
            except sqlite3.ProgrammingError:
                return  # the book is closed; the next server calls again
            except sqlite3.Error as error:
                _log.warning("The book cannot be written", error=type(error).__name__)
                time.sleep(REST)
            else:
                return

    def _land(self, flight: Flight, landing: Landing) -> None:
        now = self._now()
        bucket = self._buckets.get(flight.queue)
        if landing.done:
            if bucket:
                bucket.ease()
            self._book.done(flight, now)
            return
        if bucket and landing.overloaded:
            bucket.slow()
        due = self._next_try(flight, landing, now)
        _log.warning(
            "A task failed" if due else "A task was given up",
            queue=flight.queue.rpartition("/")[2],
            task=flight.id,
            attempt=flight.dispatch,
            reason=landing.reason,
        )
        if due is None:
            self._book.drop(flight, now)
        else:
            self._book.again(flight, landing, due, now)

    def _next_try(self, flight: Flight, landing: Landing, now: datetime) -> datetime | None:
        queue = self._book.queue(flight.queue)
        if queue is None:
            return None
        config = flight.task.retry_config if "retry_config" in flight.task else queue.retry_config
        if outlived(flight.created, now) or used_up(config, flight.dispatch, now - flight.first):
            return None
        return now + max(backoff(config, flight.dispatch), min(landing.retry_after, timedelta(hours=1)))

    def _running(self) -> list[threading.Thread]:
        with self._changed:
            return list(self._threads)
