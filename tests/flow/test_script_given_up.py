"""What was given up, and who is told: parked changes, their replays, and the daily summary."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest

from conference.errors import Later
from functions import script
from functions.script import delivery as deliveries
from functions.script.changes import EventUpdated
from functions.script.failures import summarise_due
from tests.flow.scripted import ScriptWorld
from tests.meanwhile import Meanwhile


@pytest.fixture
def world() -> Iterator[ScriptWorld]:
    """A world with a script."""
    with contextlib.closing(ScriptWorld()) as made:
        yield made


def plain(world: ScriptWorld, summary: str, **fields: Any) -> str:
    """An event without a conference; its id."""
    return str(world.insert(summary=summary, conferenceData=None, **fields)["id"])


def refuse(_: EventUpdated) -> None:
    """A handler that fails."""
    raise ValueError("no")


def park(world: ScriptWorld, trigger: script.Trigger, number: int) -> None:
    """So many changes were given up for a trigger."""
    for each in range(number):
        event = f'{{"id": "e{each}", "summary": "{each}"}}'
        gone = deliveries.Delivery(
            trigger.unique_id, trigger.record.feed or "", f"e{each}", event, foreign={"-": []}, parked="no"
        )
        world.store.commit(deliveries.put(gone, None))


class TestParked:
    """What was given up."""

    def test_one_event_is_replayed(self, world: ScriptWorld) -> None:
        """The others stay where they are."""
        trigger = world.follow()
        park(world, trigger, 3)
        with world.scripting():
            assert [script.replay(trigger, "e1"), script.replay(trigger, "e1"), script.replay("0")] == [1, 0, 0]
        world.settle()

        assert [one.id for one in world.changes()] == ["e1"]
        with world.scripting():
            assert sorted(one.event_id for one in script.get_parked(trigger)) == ["e0", "e2"]

    def test_more_than_one_page_of_them(self, world: ScriptWorld) -> None:
        """All are replayed, however many."""
        trigger = world.follow()
        park(world, trigger, 205)
        with world.scripting():
            assert script.replay(trigger) == 205
        world.settle()

        assert len({one.id for one in world.changes()}) == 205

    def test_without_a_handler_for_days(self, world: ScriptWorld) -> None:
        """What waits for it is parked in the end, and can be replayed once there is one again."""
        trigger, known = world.follow(), world.handlers
        world.change_project(handlers=script.Registry())
        plain(world, "x")
        world.settle(timedelta(days=4))
        with world.scripting():
            (parked,) = script.get_parked(trigger)
            world.change_project(handlers=known)
        with world.scripting():
            assert script.replay(trigger) == 1
        world.settle()

        assert parked.cause == "Script function not found: changed"
        assert [note.data["cause"] for note in world.store.query("dead")] == [parked.cause]
        assert world.kinds() == [("created", "x")]
        assert world.triggers()[0].status is script.TriggerStatus.ACTIVE

    def test_a_handler_that_is_missed_after_it_has_failed(self, world: ScriptWorld) -> None:
        """What waits for it has its days from then on, however long the trigger has been well before."""
        trigger, known = world.follow(), world.handlers
        with world.scripting():
            trigger.disable().enable()
        world.clock.advance(timedelta(days=10))
        world.tick()
        world.settle(timedelta(seconds=20))
        world.fails = refuse
        plain(world, "x")
        world.settle(timedelta(seconds=20))
        world.change_project(handlers=script.Registry())
        plain(world, "y")
        world.settle(timedelta(hours=2))
        with world.scripting():
            assert script.get_parked(trigger) == []
        assert world.triggers()[0].status is script.TriggerStatus.FAILING

        world.change_project(handlers=known)
        world.fails = lambda _: None
        world.told.clear()
        for _ in range(3):
            world.settle(timedelta(hours=1))
            world.tick()
        assert sorted(world.kinds()) == [("created", "x"), ("created", "y")]


class TestSummaries:
    """The daily summary is written once."""

    def test_two_ticks_at_once(self, world: ScriptWorld) -> None:
        """One of them writes it."""
        heard: list[script.Summary] = []
        world.handlers.on_summary(heard.append)
        summarise_due(world.project)
        world.follow()
        world.fails = refuse
        plain(world, "x")
        world.settle(timedelta(seconds=3))
        world.clock.advance(timedelta(days=1))
        quiet = world.project
        calm = world.store
        world.change_ground(store=Meanwhile(calm, "commit", lambda: _summarise(quiet)))

        assert summarise_due(world.project) == 0
        assert len(heard) == 1

    def test_an_owner_who_cannot_be_told(self, world: ScriptWorld) -> None:
        """Hooks are told all the same; the day's summary is not repeated."""
        heard: list[script.Summary] = []
        world.handlers.on_summary(heard.append)
        world.change_project(owner=Deaf())
        summarise_due(world.project)
        world.follow()
        world.fails = refuse
        plain(world, "x")
        world.settle(timedelta(seconds=3))
        world.clock.advance(timedelta(days=1))

        assert [summarise_due(world.project), summarise_due(world.project)] == [1, 0]
        assert len(heard) == 1

    def test_nobody_to_tell(self, world: ScriptWorld) -> None:
        """Then nothing is written down for it."""
        assert summarise_due(world.project) == 0
        assert world.store.query("summaries") == []

    def test_a_day_with_many_runs(self, world: ScriptWorld) -> None:
        """All that failed are counted, of however many."""
        heard: list[script.Summary] = []
        world.handlers.on_summary(heard.append)
        summarise_due(world.project)
        world.follow()
        world.fails = refuse
        for number in range(210):
            plain(world, f"{number}")
        world.settle(timedelta(seconds=3))
        world.clock.advance(timedelta(days=1))
        summarise_due(world.project)

        assert [one.times for one in heard[0].failures] == [200 + 1 + 10 + 1]  # with several, then each alone


class Deaf:
    """An owner who cannot be reached."""

    def tell(self, user: str, subject: str, lines: Sequence[str]) -> None:
        """Fail."""
        raise Later(f"no way to tell {len(user + subject)} characters in {len(lines)} lines")


def _summarise(project: script.Project) -> None:
    summarise_due(project)
