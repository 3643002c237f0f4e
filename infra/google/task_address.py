"""Where tasks go with Cloud Tasks, and whom they call; without any of its client.

Authority: https://cloud.google.com/tasks/docs/creating-http-target-tasks
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from functions.ports import Task
from infra.settings import Settings

SHORTEST, LONGEST = timedelta(seconds=15), timedelta(minutes=30)
"""Between these a call's deadline must lie."""

CALLED = ("sync_calendar", "reconcile_event", "patch_event", "connect_calendar", "run_trigger")
"""The functions that tasks call."""


def queue_ids(name: str, kinds: Iterable[str]) -> dict[str, str]:
    """The id of the queue for each kind of tasks (a function, a provider), beginning with `name`.

    With one for each, a crowd of one kind does not hold up the others. A queue's id holds no underscore.
    """
    return {kind: f"{name}-{kind.replace('_', '-')}" for kind in kinds}


def address_of(settings: Settings, base_url: str, account: str, providers: Collection[str]) -> Address:
    """Where tasks go as the settings say, to call the functions at `base_url` as `account`."""
    kinds = {"one": (), "function": CALLED, "provider": providers}[settings.task_queues]
    return Address(
        f"projects/{settings.project}/locations/{settings.region}",
        settings.task_queue,
        base_url,
        account,
        queue_ids(settings.task_queue, kinds),
        timedelta(seconds=settings.task_deadline),
    )


@dataclass(frozen=True, slots=True)
class Address:
    """Where tasks go and whom they call.

    `location` is "projects/P/locations/L"; `queue` is the id of the queue for tasks to whose provider or function
    `queues` gives none of its own. Each task calls `<base_url>/<function>` with an identity token of `account` for
    just that address.
    """

    location: str
    queue: str
    base_url: str
    account: str
    queues: Mapping[str, str] = field(default_factory=dict)
    deadline: timedelta = timedelta(minutes=10)

    def __post_init__(self) -> None:
        if not SHORTEST <= self.deadline <= LONGEST:
            raise ValueError("a task's call may take between 15 seconds and 30 minutes")

    def queue_for(self, task: Task) -> str:
        """The full name of the queue that the task goes to."""
        own = self.queues.get(task.provider or "") or self.queues.get(task.function)
        return f"{self.location}/queues/{own or self.queue}"

    def url(self, function: str) -> str:
        """What is called, and the audience of the token shown there."""
        return f"{self.base_url.rstrip('/')}/{function}"
