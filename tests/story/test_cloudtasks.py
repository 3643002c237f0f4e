"""The stack on Cloud Tasks, and on Firestore: whatever is killed in the middle, the end is right."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from infra.local.demo.story import demo_settings
from infra.local.demo.world import World, asking, stage
from infra.local.firestore_emulator import keep
from infra.local.stack import Stack
from tests.contract.firestore_ground import needs_emulator

pytestmark = [pytest.mark.story, pytest.mark.timeout(300)]
PATIENCE = 90.0
"""Seconds: a run that was forgotten is looked for by the tick, once its lease is over."""


def made(world: World, count: int, title: str) -> list[str]:
    """So many events that ask for a meeting."""
    return [world.person.insert(asking(f"{title} {n}", world.at(n % 5 + 1, 8 + n % 9)))["id"] for n in range(count)]


def joined(world: World, events: list[str]) -> bool:
    """Whether each has its meeting; the scheduler ticks meanwhile."""
    world.stack.tick()
    return all(world.joined(event) for event in events)


def linked_once(world: World, events: list[str]) -> None:
    """Each event has a meeting of its own, and there is no other."""
    ids = [world.meeting_of(event)["id"] for event in events]
    assert len({*ids}) == len(events)
    assert {meeting["id"] for meeting in world.vendor.meetings()} == {*ids}


def test_kill_9_of_queue_and_functions_loses_nothing(tmp_path: Path) -> None:
    """Killed in the middle of the work, down while more comes in, killed both: every event gets its one meeting."""
    settings = replace(demo_settings(tmp_path), janus="off", queue="cloudtasks", task_queues="function", timeout=5)
    with Stack(settings) as stack, stage(stack) as world:
        events = made(world, 15, "First")
        world.until("some events get their meetings", lambda: sum(bool(world.joined(event)) for event in events) > 2)
        stack.kill("cloudtasks")
        events += made(world, 5, "While the queue is down")
        stack.start("cloudtasks")
        world.until("all get their meetings", lambda: joined(world, events), PATIENCE)

        events += made(world, 10, "Second")
        stack.kill("functions")
        stack.kill("cloudtasks")
        stack.start("cloudtasks")
        stack.start_functions()
        world.until("all get their meetings again", lambda: joined(world, events), PATIENCE)
        world.settle()

        linked_once(world, events)
        assert stack.fallen() is None


def test_kill_9_of_store_queue_and_functions_loses_nothing(tmp_path: Path) -> None:
    """All three are killed in the middle of the work, and down while more comes in: every event gets its one meeting.

    What Firestore has answered it has stored; its emulator, which holds all in memory, is told to before it is killed.
    """
    needs_emulator()
    demo = replace(demo_settings(tmp_path), janus="off", store="firestore", queue="cloudtasks", timeout=5)
    settings = replace(demo, task_queues="function")
    with Stack(settings) as stack, stage(stack) as world:
        events = made(world, 10, "First")
        world.until("some events get their meetings", lambda: sum(bool(world.joined(event)) for event in events) > 2)
        stack.kill("functions")
        stack.kill("cloudtasks")
        keep(f"127.0.0.1:{settings.firestore_port}", settings.state / "firestore", settings.project)
        stack.kill("firestore")
        events += made(world, 5, "While all is down")
        stack.start("firestore")
        stack.start("cloudtasks")
        stack.start_functions()
        world.until("all get their meetings", lambda: joined(world, events), PATIENCE)
        world.settle()

        linked_once(world, events)
        assert stack.fallen() is None
