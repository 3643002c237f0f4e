"""One call of a task over HTTP, with the header fields of Cloud Tasks.

https://cloud.google.com/tasks/docs/creating-http-target-tasks#handler
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import httpx
import msgspec

from functions.ports import Clock
from functions.tracing import HEADER
from infra.local.held import Held
from infra.local.queue_policy import QueuePolicy
from infra.local.retry_after import wait_asked

_CONNECT = 10.0  # seconds
_LARGEST_ANSWER = 64 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a call: its status (None: no answer, `cause` naming why) and the wait it asked for."""

    status: int | None
    retry_after: timedelta = timedelta()
    cause: str | None = None

    @property
    def done(self) -> bool:
        """Whether the task need not be called again."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def overloaded(self) -> bool:
        """Whether the whole queue should go slower."""
        return self.status in {429, 503}


class Caller:
    """Calls functions at `base_url` and nowhere else: redirects are not followed, proxies of the machine not used."""

    def __init__(self, base_url: str, bearer: Callable[[str], str], policy: QueuePolicy, clock: Clock) -> None:
        if httpx.URL(base_url).scheme not in {"http", "https"}:
            raise ValueError("the functions stand at an http or https address")
        self._base_url = base_url.rstrip("/")
        self._bearer = bearer
        self._policy = policy
        self._clock = clock

    def connection(self) -> httpx.Client:
        """A connection that is kept from call to call; to be used by one thread, and closed."""
        timeout = httpx.Timeout(self._policy.deadline.total_seconds(), connect=_CONNECT)
        return httpx.Client(timeout=timeout, follow_redirects=False, trust_env=False)

    def call(self, connection: httpx.Client, held: Held) -> Answer:
        """Make the call. Whatever goes wrong is an answer without status."""
        try:
            return self._call(connection, held)
        except Exception as error:  # noqa: BLE001 - a failed attempt, whatever the reason, must not end the worker
            return Answer(None, cause=type(error).__name__)

    def name_of(self, held: Held) -> str:
        """The name that the receiver is told; a task without one goes by its number."""
        return held.name or f"task-{held.id}"

    def _call(self, connection: httpx.Client, held: Held) -> Answer:
        address = f"{self._base_url}/{held.task.function}"
        body = msgspec.json.encode(held.task.body)
        with connection.stream("POST", address, content=body, headers=self._headers(held, address)) as response:
            _read(response)
            wait = wait_asked(response.headers.get("retry-after"), self._clock.now())
            return Answer(response.status_code, wait)

    def _headers(self, held: Held, address: str) -> dict[str, str]:
        headers = {
            "Authorization": f"Bearer {self._bearer(address)}",
            "Content-Type": "application/json",
            "User-Agent": "Google-Cloud-Tasks",
            "X-CloudTasks-QueueName": self._policy.name,
            "X-CloudTasks-TaskName": self.name_of(held),
            "X-CloudTasks-TaskRetryCount": str(held.attempts),
            "X-CloudTasks-TaskExecutionCount": str(held.responses),
            "X-CloudTasks-TaskETA": f"{held.at.timestamp():.6f}",
        }
        if held.last_status is not None:
            headers["X-CloudTasks-TaskPreviousResponse"] = str(held.last_status)
        if held.task.trace is not None:
            headers[HEADER] = held.task.trace
        return headers


def _read(response: httpx.Response) -> None:
    # To its end, so that the connection can be kept; what is too long ends the connection instead.
    size = 0
    for part in response.iter_raw():
        size += len(part)
        if size > _LARGEST_ANSWER:
            return
