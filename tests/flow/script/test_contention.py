"""Others are quicker: what a script's triggers and deliveries do when somebody else writes in between."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from functions import clock, script
from functions.ports import Delete, Put
from functions.script import delivery as deliveries
from functions.script import making
from functions.script import trigger as triggers
from functions.script.changes import EventUpdated
from tests.flow.scripted import OnWrite, ScriptWorld, plain, refuse
from tests.meanwhile import Meanwhile


def accepts(write: Put | Delete) -> bool:
    """The commit that ends a delivery."""
    return isinstance(write, Delete) and write.key.startswith(deliveries.COLLECTION)


def postpones(write: Put | Delete) -> bool:
    """The commit that puts a delivery off."""
    return isinstance(write, Put) and write.key.startswith(deliveries.COLLECTION) and write.data.get("attempts") == 1


class TestAccepting:
    """Somebody writes a delivery that is just being accepted."""

    def test_without_news_it_is_accepted(self, world: ScriptWorld) -> None:
        """A write of our own has refreshed it: that is nothing that the handler would have to hear of."""
        world.follow()
        plain(world, "x")

        def refresh() -> None:
            document = world.store.query(deliveries.COLLECTION)[0]
            world.store.commit(deliveries.put(deliveries.decode(document), document.version))

        OnWrite(world, accepts, refresh)
        plain(world, "y")
        world.settle()

        assert sorted(world.kinds()) == [("created", "x"), ("created", "y")]
        assert world.store.query(deliveries.COLLECTION) == []

    def test_with_news_only_that_remains(self, world: ScriptWorld) -> None:
        """What was accepted is what was before; the others of the same run are done."""
        world.follow()
        event = plain(world, "x")
        plain(world, "y")

        def rename() -> None:
            world.patch(event, summary="z")
            world.run_due(until="run_trigger")

        OnWrite(world, accepts, rename)
        world.settle()

        assert sorted(world.kinds()) == [("created", "x"), ("created", "y"), ("updated", "z")]
        (last,) = [one for one in world.changes() if one.kind == "updated"]
        assert last.before is not None
        assert last.before["summary"] == "x"
        assert last.fields == {"summary"}

    def test_by_somebody_else_first(self, world: ScriptWorld) -> None:
        """It is gone: that is what was wanted."""
        world.follow()
        plain(world, "x")

        def forget() -> None:
            for document in world.store.query(deliveries.COLLECTION):
                world.forget(document)

        OnWrite(world, accepts, forget)
        world.settle()

        assert world.kinds() == [("created", "x")]
        assert world.store.query(deliveries.COLLECTION) == []


class TestFailing:
    """Somebody writes a delivery whose handler has just failed."""

    def test_a_newer_change_is_handed_over_in_its_turn(self, world: ScriptWorld) -> None:
        """With the one that failed, at once, and not as a second attempt."""
        world.follow()
        event = plain(world, "x")

        def rename() -> None:
            world.fails = lambda _: None
            world.patch(event, summary="y")
            world.run_due(until="run_trigger")

        world.fails = refuse
        OnWrite(world, postpones, rename)
        world.settle(timedelta(seconds=4))

        assert world.kinds() == [("created", "x"), ("created", "y")]
        assert [event.attempt for _, event in world.told] == [1, 1]

    def test_gone_meanwhile(self, world: ScriptWorld) -> None:
        """The trigger was deleted: nothing is tried again, nothing is left."""
        trigger = world.follow()
        plain(world, "x")

        def delete() -> None:
            with world.scripting():
                script.delete_trigger(trigger)

        world.fails = refuse
        OnWrite(world, postpones, delete)
        world.settle(timedelta(hours=2))

        assert world.kinds() == [("created", "x")]
        assert [world.store.query(name) for name in (deliveries.COLLECTION, triggers.COLLECTION)] == [[], []]


class TestWaking:
    """Deliveries that nobody has handed over are found by the tick."""

    def test_somebody_takes_one_up_just_then(self, world: ScriptWorld) -> None:
        """It is left to them; the next tick looks again."""
        world.follow()
        plain(world, "x")
        world.run_due(until="run_trigger")
        for held in world.queue.waiting():
            world.queue.done(world.queue.take(held))
        world.clock.advance(timedelta(minutes=5))

        def touch() -> None:
            document = world.store.query(deliveries.COLLECTION)[0]
            world.store.commit(deliveries.put(deliveries.decode(document), document.version))

        calm = world.store
        world.change_ground(store=Meanwhile(calm, "commit", touch))
        world.tick()
        told = world.kinds()
        world.change_ground(store=calm)
        for _ in range(3):
            world.tick()
            world.settle()

        assert told == []
        assert world.kinds() == [("created", "x")]


class TestTriggers:
    """Somebody else changes a trigger meanwhile."""

    def test_deleted_by_two_at_once(self, world: ScriptWorld) -> None:
        """The second finds nothing to delete."""
        trigger = world.follow()
        found = triggers.find(world.ground, trigger.unique_id)
        assert found is not None

        def first() -> None:
            making.unmake(world.project, found[1])

        OnWrite(world, lambda write: isinstance(write, Delete) and write.key.startswith(triggers.COLLECTION), first)

        assert making.unmake(world.project, found[1]) is False
        assert world.triggers() == []

    def test_replaced_when_it_is_gone(self, world: ScriptWorld) -> None:
        """There is nothing in whose place the new one could be put; a bare schedule is no trigger either."""
        trigger = world.follow()
        with world.scripting():
            builder = script.new_trigger("changed").for_user_calendar("primary").on_event_updated()
            schedule = script.ClockTriggerBuilder(world.grants, zone="UTC", limits=script.Limits()).every_days(1)  # type: ignore[arg-type]  # no keeper of ours
            with pytest.raises(script.InvalidTrigger, match="a schedule alone"):
                script.replace_trigger(trigger, schedule)
            script.delete_trigger(trigger)
            with pytest.raises(script.InvalidTrigger, match="is gone"):
                script.replace_trigger(trigger, builder)
        assert world.triggers() == []

    def test_replaced_on_its_own_calendar(self, world: ScriptWorld) -> None:
        """The new one goes on where the old one was: no second baseline, nothing told twice, nothing missed."""
        old = world.follow()
        event = plain(world, "x")
        world.settle()
        with world.scripting():
            builder = script.new_trigger("changed").for_user_calendar("primary").on_event_updated()
            new = script.replace_trigger(old, builder.only(fields=["summary"]))
        world.patch(event, location="Room 5")
        world.settle()
        world.patch(event, summary="y")
        world.settle()

        assert world.triggers() == [new]
        assert world.kinds() == [("created", "x"), ("updated", "y")]
        assert len(world.store.query("feeds")) == 1

    def test_on_a_calendar_that_had_stopped(self, world: ScriptWorld) -> None:
        """A new trigger on it begins it anew."""
        feed = world.connect()
        world.google_control("faults", method="GET", path="/events$", times=1, status=401, reason="authError")
        world.insert()
        world.settle()
        stopped = world.feed(feed).stopped
        world.follow()
        plain(world, "x")
        world.settle()

        assert (stopped, world.feed(feed).stopped) == (True, False)
        assert ("created", "x") in world.kinds()

    def test_whose_feed_is_gone(self, world: ScriptWorld) -> None:
        """It can be deleted all the same, and so can one that nobody has counted."""
        trigger = world.follow()
        for name in ("feeds", making.OWNERS):
            for document in world.store.query(name):
                world.forget(document)
        with world.scripting():
            script.delete_trigger(trigger)
            assert script.get_project_triggers() == []

    def test_many_of_one_user(self, world: ScriptWorld) -> None:
        """All are found, in the order in which they were made."""
        with world.scripting():
            builder = script.new_trigger("changed").time_based().every_days(1)
            made = [builder.create() for _ in range(101)]
            assert script.get_project_triggers() == made

    def test_deleted_while_its_changes_are_written(self, world: ScriptWorld) -> None:
        """What waits for it is forgotten, whoever writes it at that moment."""
        trigger = world.follow()
        for summary in "xy":
            plain(world, summary)
        world.run_due(until="run_trigger")

        def touch() -> None:
            document = world.store.query(deliveries.COLLECTION)[0]
            world.store.commit(deliveries.put(deliveries.decode(document), document.version))

        OnWrite(world, accepts, touch)
        with world.scripting():
            script.delete_trigger(trigger)

        assert world.store.query(deliveries.COLLECTION) == []

    def test_a_task_for_one_that_is_gone(self, world: ScriptWorld) -> None:
        """What was noted for it just before is forgotten."""
        trigger = world.follow()
        plain(world, "x")
        world.run_due(until="run_trigger")
        (document,) = world.store.query(triggers.COLLECTION)
        world.forget(document)
        world.settle()

        assert trigger.unique_id in document.key
        assert world.told == []
        assert world.store.query(deliveries.COLLECTION) == []

    def test_a_task_for_one_that_was_switched_off(self, world: ScriptWorld) -> None:
        """What waits rests, and is handed over when it is switched on again."""
        trigger = world.follow()
        plain(world, "x")
        world.run_due(until="run_trigger")
        trigger.disable()
        world.settle()
        told = world.kinds()
        trigger.enable()
        world.clock.advance(timedelta(hours=2))
        world.tick()
        world.settle()

        assert (told, world.kinds()) == ([], [("created", "x")])

    def test_switched_off_by_its_own_handler(self, world: ScriptWorld) -> None:
        """The run ends with what it was given; its failure is no reason to call it otherwise."""
        trigger = world.follow()

        def switch_off(_: EventUpdated) -> None:
            trigger.disable("enough")
            raise ValueError

        world.fails = switch_off
        plain(world, "x")
        plain(world, "y")
        world.settle(timedelta(hours=1))
        (now,) = world.triggers()

        assert len({title for _, title in world.kinds()}) == 2
        assert (now.status, now.disabled_reason) == (script.TriggerStatus.DISABLED, "enough")
        assert now.last_error is not None

    def test_consent_ends_while_each_is_tried_alone(self, world: ScriptWorld) -> None:
        """The rest waits for the user, and nothing is lost."""
        world.follow()
        runs: list[int] = []

        def fail(event: EventUpdated) -> None:
            runs.append(len(event.changes))
            if len(event.changes) > 1:
                raise ValueError
            if len(runs) < 4:
                raise script.AuthorizationRequired("x", ["y"])

        world.fails = fail
        for summary in "xy":
            plain(world, summary)
        world.settle(timedelta(seconds=5))
        waiting = world.triggers()[0].status
        world.fails = lambda _: None
        world.told.clear()
        world.settle(timedelta(hours=2))

        assert waiting is script.TriggerStatus.NEEDS_AUTH
        assert sorted(world.kinds()) == [("created", "x"), ("created", "y")]

    def test_overtaken_while_it_runs(self, world: ScriptWorld) -> None:
        """Another worker has taken the trigger over: this one gives nothing back that is not its own."""
        world.follow()

        def overtake(_: EventUpdated) -> None:
            (document,) = world.store.query(triggers.COLLECTION)
            record = triggers.decode(document)
            later = msgspec.structs.replace(record, fence=record.fence + 1, lease_until=world.ground.now() + 60)
            world.store.commit(triggers.put(later, document.version))
            world.fails = lambda _: None

        world.fails = overtake
        plain(world, "x")
        world.settle(timedelta(seconds=30))
        (now,) = world.triggers()

        assert now.record.lease_until > world.ground.now()
        assert world.kinds() == [("created", "x")]


def test_a_delivery_that_cannot_be_read_does_not_hold_up_those_behind_it(world: ScriptWorld) -> None:
    """However long it is overdue: the others are handed over in the same tick."""
    world.follow()
    plain(world, "x")
    world.run_due(until="run_trigger")
    for held in world.queue.waiting():
        world.queue.done(world.queue.take(held))
    world.store.commit(Put(f"{deliveries.COLLECTION}/odd", {"due": 1.0, "event": 7}, None))
    world.clock.advance(timedelta(minutes=10))
    with pytest.raises(msgspec.ValidationError):
        clock.tick(world.ground)
    world.settle()

    assert world.kinds() == [("created", "x")]
