"""Calendar triggers from their making to their end: by a script, by a deployment, and beside the conferences."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from functions import script
from functions.script.registry import Declaration
from tests.flow.scripted import ScriptWorld, plain
from tests.meanwhile import Meanwhile
from tests.world import ALICE

BOB = "bob@example.com"


class TestLives:
    """Triggers made, found, replaced and removed."""

    def test_two_users_see_only_their_own(self, world: ScriptWorld) -> None:
        """Neither triggers nor changes cross."""
        mine = world.follow()
        theirs = world.follow(user=BOB)
        plain(world, "Alice's")
        plain(world, "Bob's", by=BOB)
        world.settle()

        assert world.kinds(ALICE) == [("created", "Alice's")]
        assert world.kinds(BOB) == [("created", "Bob's")]
        assert [world.triggers(), world.triggers(BOB)] == [[mine], [theirs]]
        with world.scripting(BOB):
            script.delete_trigger(mine)
            assert script.replay(mine) == 0
        assert world.triggers() == [mine]

    def test_the_last_trigger_ends_the_feed(self, world: ScriptWorld) -> None:
        """Its channels are stopped and nothing of it is left; deleting it once more does nothing."""
        trigger = world.follow()
        plain(world, "Lunch")
        world.settle()
        with world.scripting():
            script.delete_trigger(trigger)
            script.delete_trigger(trigger.unique_id)
        plain(world, "Dinner")
        world.settle()
        for _ in range(3):
            world.clock.advance(timedelta(minutes=20))
            world.tick()
            world.settle()

        assert world.kinds() == [("created", "Lunch")]
        assert not [
            one for name in ("feeds", "channels", "events", "deliveries", "triggers") for one in world.store.query(name)
        ]
        assert not [one for one in world.google.world.channels.newest() if one.live(world.google.now())]

    def test_conferences_go_on_without_the_trigger(self, world: ScriptWorld) -> None:
        """The built-in handler and a script's follow one feed; each goes without the other."""
        feed = world.connect()
        trigger = world.follow()
        event = world.insert()["id"]
        world.settle()
        assert len(world.meetings()) == 1
        assert ("created", "Planning") in world.kinds()
        with world.scripting():
            script.delete_trigger(trigger)
        world.patch(event, summary="Renamed")
        world.settle()

        assert world.meetings()[0]["title"] == "Renamed"
        assert world.feed(feed).triggers == ()

    def test_a_calendar_is_connected_that_a_script_follows(self, world: ScriptWorld) -> None:
        """Conferences begin with a baseline of their own, and keep up from then on."""
        world.follow()
        event = world.insert(summary="Before")["id"]
        world.settle()
        assert world.meetings() == []
        world.connect()
        world.patch(event, summary="After")
        world.settle()

        assert [meeting["title"] for meeting in world.meetings()] == ["After"]

    def test_equal_triggers_are_made_once_by_ensure(self, world: ScriptWorld) -> None:
        """`create` makes another one each time, `ensure` does not."""
        with world.scripting():
            builder = script.new_trigger(world.changed).for_user_calendar("primary").on_event_updated()
            first = builder.ensure()
            assert builder.ensure() == first
            other = builder.create()
            assert script.get_project_triggers() == [first, other]
            assert script.get_user_triggers(ALICE) == [first, other]
            assert script.get_user_triggers("primary") == [first, other]

    def test_a_replacement_takes_the_place(self, world: ScriptWorld) -> None:
        """In one step; a refused one leaves the old one alone."""
        old = world.follow()
        with world.scripting():
            with pytest.raises(script.InvalidTrigger):
                script.replace_trigger(old, script.new_trigger("changed").for_user_calendar("primary"))
            with pytest.raises(script.HandlerNotFound):
                script.replace_trigger(old, script.new_trigger("none").for_user_calendar("primary").on_event_updated())
            assert script.get_project_triggers() == [old]
            new = script.replace_trigger(old, script.new_trigger("changed").time_based().every_days(1))
            assert script.get_project_triggers() == [new]
        assert new.trigger_source is script.TriggerSource.CLOCK
        assert world.store.query("feeds") == []

    def test_a_disabled_trigger_is_not_called(self, world: ScriptWorld) -> None:
        """What changes meanwhile is passed over; enabled again, it hears of what comes."""
        trigger = world.follow().disable("holidays")
        assert (trigger.is_disabled(), trigger.disabled_reason) == (True, "holidays")
        plain(world, "Missed")
        world.settle()
        trigger.enable()
        plain(world, "Heard")
        world.settle()

        assert world.kinds() == [("created", "Heard")]

    def test_refusals_change_nothing(self, world: ScriptWorld) -> None:
        """An unknown handler, no event, no consent, no such calendar, too many."""
        with world.scripting():
            new = script.new_trigger("changed")
            with pytest.raises(script.HandlerNotFound, match="Script function not found: nobody"):
                script.new_trigger("nobody").for_user_calendar("primary").on_event_updated().create()
            with pytest.raises(script.InvalidTrigger):
                new.for_user_calendar("primary").create()
            with pytest.raises(script.InvalidTrigger):
                new.for_user_calendar("missing@example.com").on_event_updated().create()
            world.grants.revoke(ALICE)
            with pytest.raises(script.AuthorizationRequired):
                new.for_user_calendar("primary").on_event_updated().create()
        assert [one for name in ("triggers", "feeds", "channels") for one in world.store.query(name)] == []

    def test_the_profile_bounds_the_number(self, world: ScriptWorld) -> None:
        """Twenty of one user, not of all; one that is deleted makes room."""
        world.change_project(limits=script.Limits(triggers=2))
        with world.scripting():
            builder = script.new_trigger("changed").time_based().every_days(1)
            first, _ = builder.create(), builder.create()
            with pytest.raises(script.TooManyTriggers):
                builder.create()
            script.delete_trigger(first)
            assert builder.create()
        with world.scripting(BOB):
            assert builder.create()


class TestDeclared:
    """Triggers declared beside their handlers."""

    def test_a_deployment_makes_changes_and_removes(self, world: ScriptWorld) -> None:
        """What is the same stays untouched, what nobody declared too."""
        own = world.follow()
        registry = script.Registry()
        registry.handler("changed")(world.changed)
        declare(registry, world.changed, "daily", calls={"every_days": 1})
        declare(registry, world.fails, "events", calendar="primary")
        world.change_project(handlers=registry)
        first = script.reconcile_declared(world.project, [ALICE])
        again = script.reconcile_declared(world.project, [ALICE])
        before = world.triggers()

        other = script.Registry()
        declare(other, world.changed, "daily", calls={"every_days": 2})
        world.change_project(handlers=other)
        last = script.reconcile_declared(world.project, [ALICE])

        assert (first.made, again.untouched, again.made) == (2, 2, 0)
        assert (last.changed, last.removed, last.made, last.untouched) == (1, 1, 0, 0)
        assert own in before
        assert [one.handler_function for one in world.triggers()] == ["changed", "daily"]


def declare(registry: script.Registry, function: Callable[..., None], name: str, **how: Any) -> None:
    """Declare a trigger in a registry of its own."""
    registry.declare(function, name, Declaration(**how))


def test_who_connects_while_a_trigger_begins_to_follow_is_connected(world: ScriptWorld) -> None:
    """Both find no feed, and the trigger is quicker: conferences follow all the same."""
    world.change_ground(store=Meanwhile(world.ground.store, "commit", world.follow))
    world.connect()
    world.insert()
    world.settle()

    assert [meeting["title"] for meeting in world.meetings()] == ["Planning"]


def test_what_stood_there_before_it_was_connected_is_left_alone(world: ScriptWorld) -> None:
    """A trigger has followed the calendar for long: its token tells of events that conferences begin behind."""
    world.follow()
    world.insert()
    world.connect()

    assert world.meetings() == []
    world.insert(summary="New")
    world.settle()
    assert [meeting["title"] for meeting in world.meetings()] == ["New"]
