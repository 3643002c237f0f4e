"""Calls side by side in a bounded pool of threads; the port is functions.ports.Lanes."""

from __future__ import annotations

import contextvars
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Generic, TypeVar

T = TypeVar("T")


class ThreadLanes:
    """Lanes of one process: whoever runs calls works on them too, helped by threads of a pool that all callers share.

    No more than `width` calls of one run go at once. A run never waits for the pool, only for calls that are being
    made, so calls may themselves run calls, and a closed or crowded pool merely means less help.
    """

    def __init__(self, width: int) -> None:
        if width < 1:
            raise ValueError("there is at least one lane")
        self._width = width
        self._pool = ThreadPoolExecutor(max_workers=width, thread_name_prefix="lane")

    def run(self, calls: Sequence[Callable[[], T]]) -> list[T | Exception]:
        """Make every call, each one's result or the exception it raised, in the order of the calls.

        What is raised to end a thread (KeyboardInterrupt, SystemExit) ends the run once all calls are over.
        """
        batch = _Batch(calls)
        with suppress(RuntimeError):  # the pool is closed: the caller does all by itself
            for _ in range(min(self._width, len(calls)) - 1):
                self._pool.submit(batch.work)
        batch.work()
        return batch.results()

    def close(self) -> None:
        """End the pool's threads, waiting for the calls they are making."""
        self._pool.shutdown(wait=True, cancel_futures=True)


class _Batch(Generic[T]):
    """The calls of one run and what has become of them."""

    def __init__(self, calls: Sequence[Callable[[], T]]) -> None:
        # Each call sees the caller's context (whose run a log line belongs to), in a copy: it can be entered but once.
        self._open = deque((at, call, contextvars.copy_context()) for at, call in enumerate(calls))
        self._left = len(calls)
        self._outcomes: dict[int, T | BaseException] = {}
        self._over = threading.Condition()

    def work(self) -> None:
        """Make calls until none is left to begin."""
        while True:
            try:
                at, call, context = self._open.popleft()
            except IndexError:
                return
            self._settle(at, _outcome(call, context))

    def results(self) -> list[T | Exception]:
        """Wait until every call is over."""
        with self._over:
            self._over.wait_for(lambda: not self._left)
        return [_returned(self._outcomes[at]) for at in range(len(self._outcomes))]

    def _settle(self, at: int, outcome: T | BaseException) -> None:
        with self._over:
            self._outcomes[at] = outcome
            self._left -= 1
            self._over.notify_all()


def _outcome(call: Callable[[], T], context: contextvars.Context) -> T | BaseException:
    try:
        return context.run(call)
    except BaseException as error:  # noqa: BLE001 - carried over to the thread that waits for it
        return error


def _returned(outcome: T | BaseException) -> T | Exception:
    if isinstance(outcome, BaseException) and not isinstance(outcome, Exception):
        raise outcome
    return outcome
