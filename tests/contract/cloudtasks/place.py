"""The words in which tests speak of a Cloud Tasks server: queues, tasks, codes of refusals."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import tasks_v2

from infra.local.cloudtasks.server import CloudTasksServer
from infra.local.memory import ManualClock
from tests.contract.loopback import Receiver, until

LOCATION = "projects/a-project/locations/europe-west6"
QUEUE = f"{LOCATION}/queues/lockstep"
ACCOUNT = "tasks@a-project.iam.gserviceaccount.com"
FULL = tasks_v2.Task.View.FULL


@dataclass(frozen=True, slots=True)
class Place:
    """A server, its client, the target of its tasks and the time they go by."""

    server: CloudTasksServer
    client: tasks_v2.CloudTasksClient
    receiver: Receiver
    clock: ManualClock

    def make(self, name: str = QUEUE, **limits: Any) -> tasks_v2.Queue:
        """A new queue."""
        return self.client.create_queue(parent=LOCATION, queue=tasks_v2.Queue(name=name, **limits))

    def message(self, name: str = "", body: bytes = b"{}", **fields: Any) -> tasks_v2.Task:
        """A task for the target."""
        request = tasks_v2.HttpRequest(url=f"{self.receiver.address}/sync", body=body, **fields.pop("request", {}))
        full = f"{QUEUE}/tasks/{name}" if name else ""
        return tasks_v2.Task(name=full, http_request=request, **fields)

    def add(self, name: str = "", **fields: Any) -> tasks_v2.Task:
        """Create a task in the queue."""
        return self.client.create_task(parent=QUEUE, task=self.message(name, **fields))

    def names(self) -> list[str]:
        """The ids of the tasks in the queue."""
        return [task.name.rpartition("/")[2] for task in self.client.list_tasks(parent=QUEUE)]

    def counts(self) -> tuple[int, int, int, int]:
        """How many tasks wait, are due, run, and were given up."""
        counts = self.server.book.counts(self.clock.now())
        return counts["waiting"], counts["due"], counts["running"], counts["failed"]

    def settled(self, *, waiting: int = 0, failed: int = 0) -> None:
        """Wait until nothing is due or running, and so many wait or were given up."""
        until(lambda: self.counts() == (waiting, 0, 0, failed))

    def wait(self, by: timedelta) -> None:
        """Time goes on."""
        self.clock.advance(by)
        self.server.dispatcher.notice()


@contextmanager
def refused(error: type[exceptions.GoogleAPICallError]) -> Iterator[None]:
    """What the block asks for is refused with this error."""
    with pytest.raises(error):
        yield


def at(task: tasks_v2.Task) -> datetime:
    """When a task is due."""
    due = task.schedule_time
    assert isinstance(due, datetime)
    return due
