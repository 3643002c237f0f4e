"""A handler that raises: its changes wait, are tried again, and hold back neither the others nor the feed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from functions import script
from tests.flow.scripted import ScriptWorld, plain, refuse
from tests.world import ALICE

BOB = "bob@example.com"


class TestFailing:
    """A handler that raises."""

    @pytest.fixture(autouse=True)
    def _following(self, world: ScriptWorld) -> None:
        world.follow()

    def test_the_others_are_accepted_and_one_is_tried_alone(self, world: ScriptWorld) -> None:
        """The failing change holds back neither the rest nor the token, and is tried again later, alone."""

        def fails(event: script.EventUpdated) -> None:
            if any(one.event["summary"] == "Bad" for one in event.changes):
                raise ValueError("a title")

        world.fails = fails
        for summary in ("Good", "Bad", "Fine"):
            plain(world, summary)
        world.settle(timedelta(seconds=3))

        assert [len(event.changes) for _, event in world.told] == [3, 1, 1, 1]
        world.fails = lambda _: None
        world.told.clear()
        world.settle()
        ((_, event),) = world.told
        assert [one.event["summary"] for one in event.changes] == ["Bad"]
        assert event.attempt > 1
        assert world.store.query("deliveries") == []

    def test_what_fails_for_days_is_parked_told_and_replayed(self, world: ScriptWorld) -> None:
        """After the last attempt: a cause, a hook, a trigger that says that it fails; a replay hands it over again."""
        failures: list[script.Failure] = []
        world.handlers.on_failure(failures.append)
        world.fails = refuse
        plain(world, "Bad")
        for _ in range(90):
            world.settle(timedelta(hours=1))
            world.clock.advance(timedelta(minutes=1))
            world.tick()

        (trigger,) = world.triggers()
        assert trigger.status is script.TriggerStatus.FAILING
        with world.scripting():
            (parked,) = script.get_parked(trigger)
        assert parked.cause.startswith("ValueError")
        assert "secret" not in parked.cause
        assert [failure.change.event["summary"] for failure in failures if failure.change] == ["Bad"]
        assert len(world.store.query("dead")) == 1

        world.fails = lambda _: None
        world.told.clear()
        with world.scripting():
            assert script.replay(trigger) == 1
        world.settle()
        assert world.kinds() == [("created", "Bad")]
        assert world.triggers()[0].status is script.TriggerStatus.ACTIVE

    def test_a_newer_change_joins_the_one_that_waits(self, world: ScriptWorld) -> None:
        """What was before stays, what is now is new: one change in all."""
        world.fails = refuse
        event = plain(world, "First")
        world.settle(timedelta(seconds=3))
        world.fails = lambda _: None
        world.told.clear()
        world.patch(event, summary="Second")
        world.settle()

        assert world.kinds() == [("created", "Second")]

    def test_one_event_is_set_aside(self, world: ScriptWorld) -> None:
        """The handler goes on with the others; the one is tried again alone."""

        def aside(event: script.EventUpdated) -> None:
            for one in event.changes:
                if one.event["summary"] == "Bad" and event.attempt == 1:
                    script.set_aside(one, ValueError("no"))

        world.fails = aside
        for summary in ("Good", "Bad"):
            plain(world, summary)
        world.settle()

        assert [[one.event["summary"] for one in event.changes] for _, event in world.told][1:] == [["Bad"]]
        assert world.store.query("deliveries") == []

    def test_a_missing_handler_fails_and_heals(self, world: ScriptWorld) -> None:
        """A deployment without the handler loses nothing: the next one with it hands everything over."""
        known = world.handlers
        world.change_project(handlers=script.Registry())
        plain(world, "Lunch")
        world.settle(timedelta(seconds=20))
        (trigger,) = world.triggers()
        assert trigger.status is script.TriggerStatus.FAILING
        assert trigger.last_error == "Script function not found: changed"

        world.change_project(handlers=known)
        world.settle()
        assert world.kinds() == [("created", "Lunch")]
        assert world.triggers()[0].status is script.TriggerStatus.ACTIVE

    def test_a_withdrawn_consent_is_waited_for(self, world: ScriptWorld) -> None:
        """The trigger says so; once consent is given again, the change is handed over."""

        def withdrawn(_: object) -> None:
            raise script.AuthorizationRequired("x", ["scope"])

        world.fails = withdrawn
        plain(world, "Lunch")
        world.settle()
        assert world.triggers()[0].status is script.TriggerStatus.NEEDS_AUTH
        world.fails = lambda _: None
        world.told.clear()
        world.settle(timedelta(hours=2))

        assert world.kinds() == [("created", "Lunch")]
        assert world.triggers()[0].status is script.TriggerStatus.ACTIVE

    def test_runs_are_recorded(self, world: ScriptWorld) -> None:
        """Trigger, outcome, error without a title, log lines, newest first; only the user's own."""
        world.fails = lambda _: script.log("seen", 1)
        plain(world, "Lunch")
        world.settle()
        world.clock.advance(timedelta(minutes=1))
        world.fails = refuse
        plain(world, "Dinner")
        world.settle(timedelta(seconds=3))

        with world.scripting():
            failed, good = script.processes.list()
        assert (good.outcome, good.lines, good.error, good.user) == ("completed", ("seen 1",), None, ALICE)
        assert failed.outcome == "failed"
        assert failed.error is not None
        assert failed.error.startswith("ValueError, scripted.py line ")
        with world.scripting(BOB):
            assert script.processes.list() == []


def test_a_change_that_waits_is_tried_again_as_the_event_stands_though_the_token_is_lost(world: ScriptWorld) -> None:
    """A full pass does not show what was over long ago; what waits for another try is looked up."""
    world.follow()
    mended: list[bool] = []

    def fails(_: script.EventUpdated) -> None:
        if not mended:
            raise ValueError("not yet")

    world.fails = fails
    day = {"dateTime": "2026-08-03T10:00:00Z"}
    event = str(world.insert(summary="Old", conferenceData=None, start=day, end=day)["id"])
    world.settle(timedelta(seconds=3))
    world.google_control("expire-tokens", calendarId=ALICE)
    world.patch(event, summary="Old, renamed")
    for _ in range(2):
        world.clock.advance(timedelta(hours=1))
        world.tick()
        world.settle()
        mended.append(True)

    assert [one.event["summary"] for one in world.changes()][-1] == "Old, renamed"
    assert world.store.query("deliveries") == []
