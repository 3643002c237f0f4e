"""The queue of the local stack, whichever it is: where tasks are added, how many there are, who calls them.

Who only adds tasks imports neither Google's client nor what it takes to call: a cold start would pay for them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from functions.ports import Clock, Queue
from infra.local.held import Counts
from infra.local.sqlite_queue import SqliteQueue
from infra.settings import Settings


class LocalQueue(Protocol):
    """A queue and its other end."""

    @property
    def queue(self) -> Queue:
        """Where tasks are added."""

    def counts(self) -> Counts:
        """How many tasks wait, are due, run, and have failed. Raises httpx.HTTPError if nobody can tell."""

    def calling(self, bearer: Callable[[str], str]) -> AbstractContextManager[object]:
        """While it is entered, due tasks are called."""

    def close(self) -> None:
        """Let go of threads, sockets and files."""


def local_queue(settings: Settings, clock: Clock, account: str, providers: Sequence[str]) -> LocalQueue:
    """The queue that the settings name."""
    if settings.queue == "cloudtasks":
        from infra.local.served_queue import ServedQueue  # noqa: PLC0415 - only where it is wanted

        return ServedQueue(settings, clock, account, providers)
    return EmbeddedQueue(settings, clock)


class EmbeddedQueue:
    """A SQLite file, and a dispatcher in the functions' process."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.queue = SqliteQueue(settings.state / "queue.db", clock)
        self.counts = self.queue.counts
        self.close = self.queue.close
        self._base_url = settings.base_url
        self._clock = clock

    def calling(self, bearer: Callable[[str], str]) -> AbstractContextManager[object]:
        """As LocalQueue."""
        from infra.local.dispatcher import Dispatcher  # noqa: PLC0415 - only where tasks are called

        return Dispatcher(self.queue, self._base_url, bearer, clock=self._clock)
