"""The queues of a deployment and their limits: one list from which both Terraform and the local server are set up.

https://cloud.google.com/tasks/docs/configuring-queues
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from google.api_core import exceptions
from google.api_core.retry import Retry
from google.cloud import tasks_v2


@dataclass(frozen=True, slots=True)
class QueuePlan:
    """A queue's id, how fast it calls, and for how long it repeats a call that fails.

    Cloud Tasks drops a task only when both its attempts and its time are used up; the time is the promise of
    docs/reliability.md that trouble of three days is outlasted.
    """

    id: str
    per_second: float = 500
    concurrent: int = 100
    attempts: int = 100
    patience: timedelta = timedelta(days=3)
    min_backoff: timedelta = timedelta(seconds=1)
    max_backoff: timedelta = timedelta(hours=1)
    doublings: int = 12

    def message(self, location: str) -> tasks_v2.Queue:
        """The queue at `location` ("projects/P/locations/L") as Cloud Tasks is told of it."""
        return tasks_v2.Queue(
            name=f"{location}/queues/{self.id}",
            rate_limits=tasks_v2.RateLimits(
                max_dispatches_per_second=self.per_second, max_concurrent_dispatches=self.concurrent
            ),
            retry_config=tasks_v2.RetryConfig(
                max_attempts=self.attempts,
                max_retry_duration=self.patience,
                min_backoff=self.min_backoff,
                max_backoff=self.max_backoff,
                max_doublings=self.doublings,
            ),
        )


def stand(client: tasks_v2.CloudTasksClient, location: str, plans: Iterable[QueuePlan], *, within: float) -> None:
    """Make each queue, or give one that exists these limits; wait up to `within` seconds for a server to come up."""
    patient = Retry(
        predicate=lambda error: isinstance(error, exceptions.ServiceUnavailable),
        initial=0.05,
        maximum=0.5,
        timeout=within,
    )
    for plan in plans:
        queue = plan.message(location)
        try:
            client.create_queue(parent=location, queue=queue, retry=patient, timeout=within)
        except exceptions.AlreadyExists:
            client.update_queue(queue=queue, retry=patient, timeout=within)
