"""Tasks that come twice, while the worker that had them first lives on: one acts, the other waits for it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from functions.ground import Policy
from functions.ports import Task
from tests.world import World


class Doubled:
    """A provider during whose first call of `method` the task that led to it is delivered once more."""

    def __init__(self, world: World, method: str) -> None:
        self._world, self._method = world, method
        self.task: Task | None = None
        self.within = 0
        self.most = 0

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._world.provider, name)
        return self._doubled(call) if name == self._method else call

    def _doubled(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def doubled(*arguments: Any, **named: Any) -> Any:
            self.within += 1
            self.most = max(self.most, self.within)
            task, self.task = self.task, None
            if task is not None:
                self._world.run(task)
            try:
                return call(*arguments, **named)
            finally:
                self.within -= 1

        return doubled


def overflow(world: World, provider: Doubled) -> None:
    """Let the run leave its events to tasks, and remember the first of them."""
    world.change_ground(policy=dataclasses.replace(Policy(), inline=-1.0), providers={"http": provider})
    world.run_due(until="reconcile_event")
    provider.task = world.queue.waiting()[0].task


@pytest.mark.parametrize("method", ["create", "update", "delete"])
def test_a_task_that_is_delivered_twice_is_worked_on_by_one(world: World, method: str) -> None:
    """The run's claim is handed to whoever comes with the task first; the other finds it taken."""
    world.connect()
    made = world.insert(summary="First") if method != "create" else None
    world.settle()
    provider = Doubled(world, method)
    if made is None:
        world.insert(summary="Second")
    elif method == "update":
        world.patch(made["id"], summary="Second")
    else:
        world.cancel(made["id"])
    overflow(world, provider)
    world.calls()
    world.settle()
    calls = world.calls()

    assert provider.most == 1
    assert [meeting["title"] for meeting in world.meetings()] == ([] if method == "delete" else ["Second"])
    assert {name: count for name, count in calls.items() if "meetings" in name} == {
        {"create": "POST", "update": "PUT", "delete": "DELETE"}[method] + " meetings": 1
    }
    assert not any(row.pending for row in world.rows())


def test_a_worker_that_dies_over_a_task_is_followed_by_the_next_delivery(world: World) -> None:
    """What it had begun is not known: once its claim has ended the meeting is looked at, and set right."""
    world.connect()
    made = world.insert(summary="First")
    world.settle()
    world.patch(made["id"], summary="Second")
    provider = Doubled(world, "update")
    overflow(world, provider)
    world.vendor_control("faults", method="PUT", path="^/meetings", times=1, status=503)
    world.settle(timedelta(hours=1))

    assert [meeting["title"] for meeting in world.meetings()] == ["Second"]
    assert provider.most == 1
