"""One call of a task over HTTP, with the header fields of Cloud Tasks.

https://cloud.google.com/tasks/docs/creating-http-target-tasks#handler
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta

import httpx
from google.cloud import tasks_v2

from infra.local.cloudtasks.flight import Flight, Landing
from infra.local.retry_after import wait_asked

CONNECT = 10.0  # seconds
LARGEST_ANSWER = 64 * 1024

Sign = Callable[[str, str], str]
"""An identity token for an audience, of a service account."""


class Caller:
    """Calls the targets of tasks; redirects are not followed, proxies of the machine not used.

    `sign` makes the tokens, `now` tells the time; both may be called from any thread.
    """

    def __init__(self, sign: Sign, now: Callable[[], datetime]) -> None:
        self._sign = sign
        self._now = now
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=64)
        self._client = httpx.Client(timeout=CONNECT, follow_redirects=False, trust_env=False, limits=limits)

    def close(self) -> None:
        """Close every connection."""
        self._client.close()

    def call(self, flight: Flight) -> Landing:
        """Make the call. Whatever goes wrong is a landing without status."""
        try:
            return self._call(flight)
        except httpx.TimeoutException:
            return Landing(None, "DEADLINE_EXCEEDED")
        except Exception as error:  # noqa: BLE001 - a failed attempt, whatever the reason, must not end the caller
            return Landing(None, type(error).__name__)

    def _call(self, flight: Flight) -> Landing:
        request = flight.task.http_request
        deadline = _seconds(flight.task.dispatch_deadline)
        until = time.monotonic() + deadline
        with self._client.stream(
            tasks_v2.HttpMethod(request.http_method).name,
            request.url,
            content=request.body or None,
            headers=self._headers(flight),
            timeout=httpx.Timeout(deadline, connect=min(CONNECT, deadline)),
        ) as response:
            if not _read(response, until):
                return Landing(None, "DEADLINE_EXCEEDED")
            wait = wait_asked(response.headers.get("retry-after"), self._now())
            return Landing(response.status_code, retry_after=wait)

    def _headers(self, flight: Flight) -> dict[str, str]:
        request = flight.task.http_request
        headers = dict(request.headers) | {
            "User-Agent": "Google-Cloud-Tasks",
            "X-CloudTasks-QueueName": flight.queue.rpartition("/")[2],
            "X-CloudTasks-TaskName": flight.id,
            "X-CloudTasks-TaskRetryCount": str(flight.dispatch - 1),
            "X-CloudTasks-TaskExecutionCount": str(flight.executions),
            "X-CloudTasks-TaskETA": f"{flight.due.timestamp():.6f}",
        }
        if flight.last_status is not None:
            headers["X-CloudTasks-TaskPreviousResponse"] = str(flight.last_status)
        if flight.reason:
            headers["X-CloudTasks-TaskRetryReason"] = flight.reason
        if request.oidc_token:
            token = request.oidc_token
            signed = self._sign(token.audience or request.url, token.service_account_email)
            # Whatever the task itself says, as Google's service does.
            headers = {name: value for name, value in headers.items() if name.lower() != "authorization"}
            headers["Authorization"] = f"Bearer {signed}"
        return headers


def _read(response: httpx.Response, until: float) -> bool:
    # To its end, so that the connection can be kept; what is too long ends the connection instead.
    size = 0
    for part in response.iter_raw():
        size += len(part)
        if time.monotonic() > until:
            return False
        if size > LARGEST_ANSWER:
            return True
    return True


def _seconds(length: object) -> float:
    # proto-plus shows durations as timedeltas, though its annotations name the message behind them.
    return length.total_seconds() if isinstance(length, timedelta) else 0.0
