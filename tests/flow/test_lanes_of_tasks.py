"""Tasks say whom they will talk to, so that a ground can keep the work of a slow provider apart."""

from __future__ import annotations

from datetime import datetime

import pytest

from functions.ports import Queue, Task
from tests.world import World


class Noting:
    """A queue that notes what it is given."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self.seen: list[Task] = []

    def add(self, task: Task, *, name: str | None = None, at: datetime | None = None) -> bool:
        """As the queue."""
        self.seen.append(task)
        return self._queue.add(task, name=name, at=at)


@pytest.fixture
def noting(world: World, feed: str) -> Noting:
    """The queue of a connected calendar."""
    assert feed
    queue = Noting(world.queue)
    world.change_ground(queue=queue)
    return queue


def test_work_on_an_event_names_its_provider(world: World, noting: Noting) -> None:
    """Before it has a meeting as after, and after a push of the vendor; looking at a calendar names none."""
    world.vendor_control("faults", method="POST", path="^/meetings$", times=1, status=503)
    made = world.insert()
    world.settle()
    before, after = noting.seen.copy(), len(noting.seen)
    meeting = world.event(made["id"])["conferenceData"]["conferenceId"]
    world.vendor_control(f"meetings/{meeting}", rotate_join_url=True)
    world.deliver()
    world.settle()

    assert named(before, "reconcile_event") == named(noting.seen[after:], "reconcile_event") == {"http"}
    assert named(noting.seen, "sync_calendar") == {None}


def named(tasks: list[Task], function: str) -> set[str | None]:
    """The providers named by the tasks that call this function."""
    return {task.provider for task in tasks if task.function == function}
