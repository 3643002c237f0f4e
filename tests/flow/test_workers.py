"""Tasks that come twice, workers that are overtaken or die, runs side by side: one acts, and nothing is left undone."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from functions import feed as feeds
from functions import ledger, reconcile, sync
from functions.ground import Policy
from functions.ports import Page, Task
from tests.crashing import Crash
from tests.instead import Instead
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


@pytest.mark.usefixtures("feed")
def test_a_worker_that_was_overtaken_has_its_write_looked_at(world: World) -> None:
    """A slow worker's update reaches the provider after its successor's: the meeting is set right in the end."""
    made = world.insert()
    world.settle()
    world.patch(made["id"], summary="Old title")
    world.deliver()
    provider = Slow(world.provider, lambda: overtake(world, made["id"]))
    world.change_ground(providers={"http": provider})
    world.settle(timedelta(hours=1))

    assert world.meetings()[0]["title"] == "New title"
    assert not world.rows()[0].pending


def overtake(world: World, event: str) -> None:
    """The lease of the slow one ends; a successor sees a newer change and does its work."""
    world.change_ground(providers={"http": world.provider})
    world.clock.advance(timedelta(minutes=3))
    world.patch(event, summary="New title")
    world.settle(timedelta(seconds=30))


class Slow:
    """A provider whose first update goes out only after something else has happened."""

    def __init__(self, provider: Any, meanwhile: Callable[[], None]) -> None:
        self._provider, self._meanwhile = provider, [meanwhile]

    def update(self, *arguments: Any, **named: Any) -> Any:
        """Wait, then send what was decided before."""
        while self._meanwhile:
            self._meanwhile.pop()()
        named["base"] = None
        return self._provider.update(*arguments, **named)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._provider, name)


def test_what_does_not_fit_into_the_runs_time_becomes_tasks(world: World) -> None:
    """A run that is out of time leaves the rest to tasks of their own, and all is done in the end."""
    world.connect()
    world.change_ground(policy=dataclasses.replace(Policy(), inline=-1.0))
    for number in range(5):
        world.insert(summary=f"Event {number}")
    world.settle()

    assert len(world.meetings()) == 5
    assert not any(row.pending for row in world.rows())


def test_a_bug_in_one_event_does_not_hold_back_the_others(world: World) -> None:
    """What no error of ours explains is tried again apart, and the run goes on."""
    world.connect()

    class Stumbling:
        """Lanes in which the first call breaks."""

        def run(self, calls: Sequence[Callable[[], Any]]) -> list[Any]:
            world.change_ground(lanes=lanes)
            return [ValueError("a bug"), *[call() for call in calls[1:]]]

    lanes = world.ground.lanes
    world.change_ground(lanes=Stumbling())
    world.insert(summary="One")
    world.insert(summary="Two")
    world.settle()

    assert [meeting["title"] for meeting in world.meetings()] == ["One", "Two"]


def test_two_runs_at_once_do_the_work_once(world: World, feed: str) -> None:
    """While one run holds the lease another task for the feed leaves; what it was for is done nevertheless."""
    world.insert()
    world.deliver()
    number = world.feed(feed).dirty
    feeds.change(
        world.ground,
        feed,
        lambda it: msgspec.structs.replace(it, lease_until=world.ground.now() + 60, lease_number=number + 7),
    )
    world.settle(timedelta(minutes=5))

    assert len(world.meetings()) == 1
    assert not world.feed(feed).owed


def test_two_tasks_for_one_number_are_not_run_at_once(world: World, feed: str) -> None:
    """A task comes again only when its holder died; another one for the same notices waits behind the lease."""
    world.insert()
    world.deliver()
    number = world.feed(feed).dirty
    seen: list[float] = []

    def changes(*arguments: Any, **named: Any) -> Page:
        if not seen:
            seen.append(world.feed(feed).lease_until)
            sync.sync_calendar(world.ground, feed, number, "try")
            seen.append(world.feed(feed).lease_until)
            sync.sync_calendar(world.ground, feed, number)
            seen.append(world.feed(feed).fence)
        return calm.changes(*arguments, **named)

    calm = world.ground.calendar
    fence = world.feed(feed).fence
    world.change_ground(calendar=Instead(calm, changes=changes))
    sync.sync_calendar(world.ground, feed, number)
    world.settle()

    assert seen[0] == seen[1]
    assert seen[2] == fence + 2
    assert len(world.meetings()) == 1


def test_a_run_that_dies_after_it_covered_its_number_is_taken_over_at_once(world: World, feed: str) -> None:
    """It had gone on for notices that came meanwhile; its own task comes again, and nobody waits for its lease."""
    world.insert()
    world.deliver()
    number = world.feed(feed).dirty

    def changes(*arguments: Any, **named: Any) -> Page:
        asked_for = world.feed(feed)
        if asked_for.done == number:
            raise Crash
        if asked_for.dirty == number:
            feeds.raise_dirty(world.ground, feed)
        return calm.changes(*arguments, **named)

    calm = world.ground.calendar
    world.change_ground(calendar=Instead(calm, changes=changes))
    with pytest.raises(Crash):
        sync.sync_calendar(world.ground, feed, number)
    world.change_ground(calendar=calm)
    left = world.feed(feed)
    sync.sync_calendar(world.ground, feed, number)

    assert left.owed
    assert left.lease_until > world.ground.now()
    assert not world.feed(feed).owed


@pytest.mark.usefixtures("feed")
def test_working_on_what_is_done_does_nothing(world: World) -> None:
    """A task that comes twice finds nothing to do the second time."""
    world.insert()
    world.settle()
    (document,) = world.store.query(ledger.COLLECTION)
    world.calls()

    assert reconcile.work(world.ground, document) is reconcile.Outcome.SETTLED
    assert world.calls() == {}
