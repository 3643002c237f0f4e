"""Makes the calls that a local queue holds, as Cloud Tasks makes them.

https://cloud.google.com/tasks/docs/creating-http-target-tasks
"""

from __future__ import annotations

import queue
import threading
import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import Self

import structlog

from conference.errors import LockstepError
from functions.ports import Clock
from infra.local.alive import Alive
from infra.local.held import Counts, Held
from infra.local.queue_policy import Pace, QueuePolicy
from infra.local.sqlite_queue import SqliteQueue
from infra.local.task_call import Answer, Caller

_LOOK = timedelta(milliseconds=100)  # after which tasks that other processes added are seen
_REST = 0.1  # seconds before the queue is asked again that could not answer
_LOOK_FOR_DEAD = 1.0  # seconds between two looks for dispatchers that are no more
_GRACE = timedelta(seconds=30)  # beyond the deadline, after which others may take over what a hung dispatcher holds

_log = structlog.get_logger(__name__)


class Dispatcher:
    """Calls `<base_url>/<function>` for each due task, several at a time, and repeats what does not answer 2xx.

    `bearer` yields the token to show to the address it is given. A task added by this process is called at once, one
    added by another after `look` at most. When a dispatcher's process dies, what it was calling is called again
    by the next to start.
    """

    def __init__(
        self,
        tasks: SqliteQueue,
        base_url: str,
        bearer: Callable[[str], str],
        *,
        clock: Clock,
        policy: QueuePolicy | None = None,
        instance: str | None = None,
        random: Random | None = None,
        look: timedelta = _LOOK,
    ) -> None:
        self._tasks = tasks
        self._clock = clock
        self._policy = policy or QueuePolicy()
        self._random = random or Random()  # noqa: S311 - jitter, no secret
        self._pace = Pace(self._policy.per_second, time.monotonic)
        self._caller = Caller(base_url, bearer, self._policy, clock)
        self._instance = instance or uuid.uuid4().hex
        self._changed = threading.Condition()
        self._wake = False
        self._look = look.total_seconds()
        self._handing = threading.Lock()
        self._paused = False
        self._stopping = threading.Event()
        self._busy = 0
        self._handed: queue.SimpleQueue[Held | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._alive: Alive | None = None
        self._end_listening: Callable[[], None] = _nothing

    # ---- Started and stopped --------------------------------------------------------------------

    def start(self) -> None:
        """Begin to call; tasks that dead dispatchers held come first. A dispatcher starts once."""
        if self._alive:
            raise RuntimeError("a dispatcher starts once")
        self._alive = Alive(self._tasks.path.with_suffix(".dispatchers"), self._instance)
        self._take_over(self._alive)
        self._end_listening = self._tasks.on_add(self._notice)
        self._threads = [threading.Thread(target=self._pump, args=(self._alive,), name="dispatcher", daemon=True)]
        self._threads += [
            threading.Thread(target=self._work, name=f"dispatcher-{number}", daemon=True)
            for number in range(self._policy.concurrent)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self, patience: timedelta = timedelta(seconds=10)) -> bool:
        """Take no more tasks and wait for the running calls; False if some went on beyond `patience`.

        Those tasks are called again by the next dispatcher.
        """
        if self._alive is None or self._stopping.is_set():
            return True
        self._end_listening()
        self._stopping.set()
        self._notice()
        until = time.monotonic() + patience.total_seconds()
        self._threads[0].join(patience.total_seconds())  # the one that hands out; nothing is handed out after it
        for _ in self._threads[1:]:
            self._handed.put(None)
        for thread in self._threads[1:]:
            thread.join(max(0, until - time.monotonic()))
        self._tasks.release(self._instance)
        self._alive.close()
        return not any(thread.is_alive() for thread in self._threads)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    # ---- Watched and held back ------------------------------------------------------------------

    def pause(self) -> None:
        """Take no further task until `resume`; the calls of those taken end."""
        with self._handing:
            self._paused = True

    def resume(self) -> None:
        """Go on after `pause`."""
        self._paused = False
        self._notice()

    def counts(self) -> Counts:
        """How many tasks wait, are due, are held, and have failed."""
        return self._tasks.counts()

    # ---- The one thread that hands out ----------------------------------------------------------

    def _pump(self, alive: Alive) -> None:
        looked = time.monotonic()
        while not self._stopping.is_set():
            try:
                if time.monotonic() - looked > _LOOK_FOR_DEAD:
                    looked = time.monotonic()
                    self._take_over(alive)
                with self._handing:
                    handed = self._hand_out()
            except LockstepError as error:
                _log.warning("The queue cannot be read", error=str(error))
                handed = 0
            if not handed:
                self._wait()

    def _hand_out(self) -> int:
        room = 0 if self._paused else min(self._policy.concurrent - self._busy, self._pace.room())
        held = self._tasks.claim(self._instance, room, self._policy.deadline + _GRACE) if room > 0 else []
        self._pace.spend(len(held))
        with self._changed:
            self._busy += len(held)
        for task in held:
            self._handed.put(task)
        return len(held)

    def _take_over(self, alive: Alive) -> None:
        for owner in self._tasks.owners() - {self._instance}:
            if alive.bury(owner):
                self._tasks.release(owner)
        self._tasks.release_lapsed(but=self._instance)

    def _notice(self) -> None:
        with self._changed:
            self._wake = True
            self._changed.notify_all()

    def _wait(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._wake, self._look)
            self._wake = False

    # ---- The threads that call ------------------------------------------------------------------

    def _work(self) -> None:
        with self._caller.connection() as connection:
            while (held := self._handed.get()) is not None:
                answer = self._caller.call(connection, held)
                self._settle_surely(held, answer)
                with self._changed:
                    self._busy -= 1
                self._notice()

    def _settle_surely(self, held: Held, answer: Answer) -> None:
        # Left unsettled the task would stay held for as long as this dispatcher lives.
        while True:
            try:
                self._settle(held, answer)
            except LockstepError as error:
                _log.warning("The queue cannot be written", error=str(error))
                if self._stopping.wait(_REST):
                    return
            else:
                return

    def _settle(self, held: Held, answer: Answer) -> None:
        if answer.done:
            self._pace.ease()
            self._tasks.done(held, self._instance)
            return
        if answer.overloaded:
            self._pace.slow()
        at = self._policy.next_try(held, self._clock.now(), self._random, answer.retry_after)
        _log.warning(
            "A task failed" if at else "A task was given up",
            function=held.task.function,
            task=self._caller.name_of(held),
            attempt=held.attempts + 1,
            status=answer.status,
            cause=answer.cause,
        )
        if at is None:
            self._tasks.give_up(held, self._instance, answer.status)
        else:
            self._tasks.again(held, self._instance, at, answer.status)


def _nothing() -> None:
    """Nobody listens yet."""
