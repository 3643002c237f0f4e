"""What each function really touches, watched over a calendar's life, is no more than Terraform grants it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import hcl2
import httpx
import pytest

from functions.ports import Task
from tests.world import ALICE, World

LOCALS = Path(__file__).parents[2] / "infra" / "google" / "terraform" / "locals.tf"


class Noting:
    """A port that notes each use, and does what the real one does."""

    def __init__(self, real: Any, note: Any) -> None:
        self._real, self._note = real, note

    def __getattr__(self, name: str) -> Any:
        self._note()
        return getattr(self._real, name)


class WatchedWorld(World):
    """A world that knows which function is at work, and what it has touched."""

    def __init__(self) -> None:
        super().__init__()
        self.touched: set[tuple[str, str]] = set()
        self._working = ""
        self.change_ground(
            calendar=Noting(self.ground.calendar, lambda: self._note("calendar")),
            queue=Noting(self.ground.queue, lambda: self._note("tasks")),
        )
        self.http.event_hooks = {"request": [self._called]}

    def _called(self, _: httpx.Request) -> None:
        self._note("meetings")

    def _note(self, what: str) -> None:
        if self._working:
            self.touched.add((self._working, what))

    @contextmanager
    def _at_work(self, function: str) -> Iterator[None]:
        before, self._working = self._working, function
        try:
            yield
        finally:
            self._working = before

    def run(self, task: Task) -> None:
        """As World, watched."""
        with self._at_work(task.function):
            super().run(task)

    def tick(self) -> dict[str, int]:
        """As World, watched."""
        with self._at_work("tick"):
            return super().tick()

    def notify(self, headers: Mapping[str, str]) -> int:
        """As World, watched."""
        with self._at_work("calendar_notification"):
            return super().notify(headers)

    def deliver(self) -> None:
        """As World, watched: what is no notice is a vendor's push."""
        with self._at_work("provider_webhook"):
            super().deliver()


@pytest.fixture
def watched() -> Iterator[WatchedWorld]:
    """A world in which all that functions touch is noted."""
    made = WatchedWorld()
    yield made
    made.close()


def granted() -> set[tuple[str, str]]:
    """Which function may touch what, as Terraform has it."""
    (values,) = hcl2.loads(LOCALS.read_text(encoding="utf-8"))["locals"]
    kinds = ("tasks", "calendar", "meetings")
    return {(name, kind) for name, row in values["declared"].items() for kind in kinds if row[kind] is True}


def live(world: WatchedWorld) -> None:
    """A calendar's life: connected by a task, meetings made, changed on both sides, polled, swept, cancelled."""
    world.run(Task("connect_calendar", {"user": ALICE, "calendar": "primary"}))
    world.settle()
    events = [world.insert(summary=f"Meeting {number}")["id"] for number in range(3)]
    world.settle()
    world.patch(events[0], summary="Renamed")
    world.settle()
    (one, *_) = world.meetings()
    world.vendor_control(f"meetings/{one['id']}", title="Renamed there")
    world.settle()
    for _ in range(3):
        world.clock.advance(timedelta(hours=20))
        world.tick()
        world.settle()
    world.cancel(events[1])
    world.settle()


def test_functions_touch_no_more_than_they_are_granted(watched: WatchedWorld) -> None:
    """A right that is missing would show only in production, as a refusal in the middle of the night."""
    live(watched)
    assert watched.touched <= granted()
    used = {name for name, _ in watched.touched}
    assert {"calendar_notification", "provider_webhook", "connect_calendar", "sync_calendar", "tick"} <= used
    assert {("sync_calendar", "meetings"), ("tick", "calendar"), ("tick", "meetings")} <= watched.touched
