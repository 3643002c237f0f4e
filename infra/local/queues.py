"""The queue of the local stack, whichever it is: where tasks are added, how many there are, who calls them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Protocol

import httpx

from functions.ports import Clock, Queue
from infra.local.dispatcher import Dispatcher
from infra.local.held import Counts
from infra.local.sqlite_queue import SqliteQueue
from infra.settings import Settings

if TYPE_CHECKING:
    from google.cloud.tasks_v2 import CloudTasksClient

READY_WITHIN = 60.0
"""Seconds that the Cloud Tasks server may take to come up; it is started at the same time."""
AT_ONCE = 16
"""Calls that all queues together make of the functions' process, which has to answer notices and the console too."""


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
        return Dispatcher(self.queue, self._base_url, bearer, clock=self._clock)


class ServedQueue:
    """Cloud Tasks behind Google's client; its local server is a part of the stack and signs tokens by itself."""

    def __init__(self, settings: Settings, clock: Clock, account: str, providers: Sequence[str]) -> None:
        # Only where it is wanted: Google's client costs a third of a second.
        from infra.google import queues, tasks  # noqa: PLC0415 - see above

        location = f"projects/{settings.project}/locations/{settings.region}"
        kinds = {"one": (), "function": queues.CALLED, "provider": providers}[settings.task_queues]
        ids = queues.queue_ids(settings.task_queue, kinds)
        address = tasks.Address(
            location,
            settings.task_queue,
            settings.base_url,
            account,
            ids,
            timedelta(seconds=settings.task_deadline),
        )
        target = f"127.0.0.1:{settings.tasks_port}"
        self._client: Callable[[], CloudTasksClient] = partial(tasks.local_client, target)
        self.queue = tasks.CloudTasksQueue(self._client, address, clock, timeout=settings.timeout)
        self._stand = queues.stand
        names = [settings.task_queue, *ids.values()]
        each = AT_ONCE // (len(names) + 1)
        self._plans = [queues.QueuePlan(name, concurrent=each) for name in names]
        self._location = location
        self._state = f"http://127.0.0.1:{settings.tasks_http_port}/control/state"
        self._http = httpx.Client(timeout=settings.timeout, follow_redirects=False, trust_env=False)

    def counts(self) -> Counts:
        """As LocalQueue."""
        return Counts(**self._http.get(self._state).raise_for_status().json())

    @contextmanager
    def calling(self, bearer: Callable[[str], str]) -> Iterator[object]:  # noqa: ARG002 - the server has its own
        """As LocalQueue: the server calls, whether this process lives or not; what it needs is that queues stand."""
        with self._client() as client:
            self._stand(client, self._location, self._plans, within=READY_WITHIN)
        yield self

    def close(self) -> None:
        """As LocalQueue."""
        self.queue.close()
        self._http.close()
