"""Cloud Tasks as the queue of the local stack: Google's client, and the local server behind it.

Authority for the client: https://cloud.google.com/tasks/docs/creating-http-target-tasks
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import httpx
from google.cloud.tasks_v2 import CloudTasksClient

from functions.ports import Clock
from infra.google import queues, tasks
from infra.google.task_address import address_of
from infra.local.held import Counts
from infra.settings import Settings

READY_WITHIN = 60.0
"""Seconds that the Cloud Tasks server may take to come up; it is started at the same time."""
AT_ONCE = 16
"""Calls that all queues together make of the functions' process, which has to answer notices and the console too."""


class ServedQueue:
    """Cloud Tasks behind Google's client; its local server is a part of the stack and signs tokens by itself."""

    def __init__(self, settings: Settings, clock: Clock, account: str, providers: Sequence[str]) -> None:
        address = address_of(settings, settings.base_url, account, providers)
        target = f"127.0.0.1:{settings.tasks_port}"
        self._client: Callable[[], CloudTasksClient] = partial(tasks.local_client, target)
        self.queue = tasks.CloudTasksQueue(self._client, address, clock, timeout=settings.timeout)
        names = [address.queue, *address.queues.values()]
        each = AT_ONCE // (len(names) + 1)
        self._plans = [queues.QueuePlan(name, concurrent=each) for name in names]
        self._location = address.location
        self._state = f"http://127.0.0.1:{settings.tasks_http_port}/control/state"
        self._http = httpx.Client(timeout=settings.timeout, follow_redirects=False, trust_env=False)

    def counts(self) -> Counts:
        """As LocalQueue."""
        return Counts(**self._http.get(self._state).raise_for_status().json())

    @contextmanager
    def calling(self, bearer: Callable[[str], str]) -> Iterator[object]:  # noqa: ARG002 - the server has its own
        """As LocalQueue: the server calls, whether this process lives or not; what it needs is that queues stand."""
        with self._client() as client:
            queues.stand(client, self._location, self._plans, within=READY_WITHIN)
        yield self

    def close(self) -> None:
        """As LocalQueue."""
        self.queue.close()
        self._http.close()
