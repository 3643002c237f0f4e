"""What was given up: parked changes, and their replays."""

from __future__ import annotations

from datetime import timedelta

from functions import script
from functions.script import delivery as deliveries
from tests.flow.scripted import ScriptWorld, plain, refuse


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
