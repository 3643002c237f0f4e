"""Tasks for any time to come: they wait on their way, and run when they are due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.ports import Task
from functions.rearming import NOT_BEFORE, REACH, Rearming, put_back
from infra.local.memory import ManualClock, MemoryQueue

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SYNC = Task("sync_calendar", {"feed": "f", "number": 1})


class Road:
    """A queue, and a worker that comes to each task when it is due."""

    def __init__(self) -> None:
        self.clock = ManualClock(NOON)
        self.kept = MemoryQueue(self.clock)
        self.queue = Rearming(self.kept, self.clock)
        self.ran: list[tuple[timedelta, dict[str, Any]]] = []
        self.stops = 0

    def work(self) -> None:
        """Work off everything, however far ahead."""
        while waiting := self.kept.waiting():
            self.clock.set(max(waiting[0].at, self.clock.now()))
            self.come_to(waiting[0].task)
            self.kept.done(self.kept.take(waiting[0]))

    def come_to(self, task: Task) -> None:
        """Run it, or put it back."""
        body = dict(task.body)
        if put_back(self.queue, self.clock.now().timestamp(), task.function, body):
            self.stops += 1
        else:
            self.ran.append((self.clock.now() - NOON, body))


@pytest.mark.parametrize(
    ("days", "stops"), [(0, 0), (29, 0), (29.01, 1), (30, 1), (58, 1), (59, 2), (100, 3), (3650, 125)]
)
def test_a_task_runs_when_it_is_due(days: float, stops: int) -> None:
    """Once, at its time, with the body that it was given; on its way it stops every 29 days."""
    road = Road()
    assert road.queue.add(SYNC, name="one", at=NOON + timedelta(days=days))
    road.work()

    assert road.ran == [(timedelta(days=days), dict(SYNC.body))]
    assert road.stops == stops


def test_a_stop_that_comes_twice_is_one() -> None:
    """The queue may deliver it again, a little later: there is one task then all the same."""
    road = Road()
    road.queue.add(SYNC, at=NOON + timedelta(days=80))
    (held,) = road.kept.waiting()
    road.kept.take(held)
    road.clock.set(held.at)
    road.come_to(held.task)
    road.clock.advance(timedelta(minutes=9))
    road.come_to(held.task)

    assert len(road.kept.waiting()) == 1


def test_a_name_is_refused_twice_however_far_ahead() -> None:
    """A far task has the name that it was given."""
    road = Road()

    assert road.queue.add(SYNC, name="one", at=NOON + timedelta(days=80))
    assert not road.queue.add(SYNC, name="one", at=NOON + timedelta(days=90))


@given(st.one_of(st.none(), st.booleans(), st.text(), st.floats(), st.integers(), st.lists(st.integers())))
def test_whatever_says_when_it_is_due_breaks_nothing(due: object) -> None:
    """What is no instant to come is none to wait for."""
    road = Road()
    body = {"feed": "f", NOT_BEFORE: due}
    waits = put_back(road.queue, NOON.timestamp(), "sync_calendar", body)

    assert body == {"feed": "f"}
    assert waits is bool(road.kept.waiting())


def test_nothing_is_armed_beyond_reach() -> None:
    """No ground is asked for more than its queue can keep."""
    road = Road()
    road.queue.add(SYNC, at=NOON + timedelta(days=400))
    (held,) = road.kept.waiting()

    assert held.at == NOON + REACH
    assert len(msgspec.json.encode(held.task.body)) < 1000
