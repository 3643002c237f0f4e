"""Calendar triggers of scripts, from the people's edit to the handler's call."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest

from functions import script
from functions.script.failures import summarise_due
from functions.script.registry import Declaration
from tests.flow.scripted import ScriptWorld
from tests.world import ALICE

BOB = "bob@example.com"


@pytest.fixture
def world() -> Iterator[ScriptWorld]:
    """A world with a script."""
    with contextlib.closing(ScriptWorld()) as made:
        yield made


def plain(world: ScriptWorld, summary: str, *, by: str = ALICE) -> str:
    """An event without a conference; its id."""
    return str(world.insert(summary=summary, conferenceData=None, by=by)["id"])


def test_a_handler_is_told_what_happened(world: ScriptWorld) -> None:
    """Created, updated with the fields that differ, cancelled with what was before; one change each."""
    world.follow()
    event = plain(world, "Lunch")
    world.settle()
    world.patch(event, summary="Dinner")
    world.settle()
    world.cancel(event)
    world.settle()

    made, renamed, gone = world.changes()
    assert [one.kind for one in (made, renamed, gone)] == ["created", "updated", "cancelled"]
    assert (made.before, made.event["summary"]) == (None, "Lunch")
    assert renamed.fields == {"summary"}
    assert renamed.before is not None
    assert (renamed.before["summary"], renamed.event["summary"]) == ("Lunch", "Dinner")
    assert gone.before is not None
    assert (gone.before["summary"], gone.fields) == ("Dinner", frozenset({"status"}))


def test_the_event_object_is_the_documented_one(world: ScriptWorld) -> None:
    """The canonical calendar, the trigger's id and the mode, as attributes and as items."""
    trigger = world.follow()
    plain(world, "Lunch")
    world.settle()

    ((user, event),) = world.told
    assert (user, event.calendar_id, event["calendarId"]) == (ALICE, ALICE, ALICE)
    assert event["triggerUid"] == event.trigger_uid == trigger.unique_id
    assert event["authMode"] is script.AuthMode.FULL
    assert sorted(event) == ["authMode", "calendarId", "triggerUid"]
    assert ("calendarId" in event, "changes" in event) == (True, False)
    assert (event.attempt, event.full_sync, len(event.delivery_id)) == (1, False, 32)


def test_the_first_pass_is_a_baseline(world: ScriptWorld) -> None:
    """What was there before the trigger is not news; what is done to it afterwards is."""
    before = plain(world, "Old")
    world.clock.advance(timedelta(minutes=1))
    world.follow()
    assert world.changes() == []

    world.patch(before, summary="New")
    world.settle()
    assert world.kinds() == [("updated", "New")]


def test_what_changed_just_after_the_trigger_was_made_is_told(world: ScriptWorld) -> None:
    """Between the making of a trigger and its baseline nothing is lost."""
    event = plain(world, "Old")
    world.clock.advance(timedelta(minutes=1))
    with world.scripting():
        script.new_trigger("changed").for_user_calendar("primary").on_event_updated().create()
    world.patch(event, summary="New")
    plain(world, "Fresh")
    world.settle()

    assert sorted(world.kinds()) == [("created", "Fresh"), ("updated", "New")]


def test_several_changes_are_told_in_one_run(world: ScriptWorld) -> None:
    """A burst is one run of the handler, in the order of the feed, each event once."""
    world.follow()
    events = [plain(world, f"Event {number}") for number in range(3)]
    world.patch(events[0], summary="Event 0, again")
    world.settle()

    ((_, event),) = world.told
    assert sorted(str(one.event["summary"]) for one in event.changes) == ["Event 0, again", "Event 1", "Event 2"]


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
        world.fails = _raising
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
        world.fails = _raising
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

        def refuse(_: object) -> None:
            raise script.AuthorizationRequired("x", ["scope"])

        world.fails = refuse
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
        world.fails = _raising
        plain(world, "Dinner")
        world.settle(timedelta(seconds=3))

        with world.scripting():
            failed, good = script.processes.list()
        assert (good.outcome, good.lines, good.error, good.user) == ("completed", ("seen 1",), None, ALICE)
        assert failed.outcome == "failed"
        assert failed.error is not None
        assert failed.error.startswith("ValueError, test_script_triggers.py line ")
        with world.scripting(BOB):
            assert script.processes.list() == []


def _raising(_: object) -> None:
    raise ValueError("a secret title")


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


class TestComparing:
    """What no notice and no token told."""

    def test_a_dropped_token_loses_nothing(self, world: ScriptWorld) -> None:
        """Moved, made and deleted in the gap: each is told, once, the deletion too."""
        world.follow()
        moved, gone = plain(world, "Moved"), plain(world, "Gone")
        world.settle()
        world.told.clear()
        world.google_control("push", silent=True)
        world.google_control("expire-tokens", calendarId=ALICE)
        world.patch(moved, location="Upstairs")
        world.cancel(gone)
        plain(world, "New")
        for _ in range(20):
            world.clock.advance(timedelta(minutes=1))
            world.tick()
            world.settle(timedelta(seconds=30))

        assert sorted(world.kinds()) == [("cancelled", "Gone"), ("created", "New"), ("updated", "Moved")]
        assert all(event.full_sync for _, event in world.told)

    def test_a_sweep_tells_nothing_new(self, world: ScriptWorld) -> None:
        """The daily comparison of a calendar at rest calls nobody."""
        world.follow()
        plain(world, "Lunch")
        world.settle()
        world.told.clear()
        for _ in range(26):
            world.clock.advance(timedelta(hours=1))
            world.tick()
            world.settle()

        assert world.told == []

    def test_our_own_writes_are_no_news(self, world: ScriptWorld) -> None:
        """A handler that patches the event is not called by its echo, but by what a person does to it afterwards."""
        trigger = world.follow()

        def patch(event: script.EventUpdated) -> None:
            for one in event.changes:
                script.Calendar.events.patch({"location": "Room 1"}, event.calendar_id, one.id)

        world.fails = patch
        made = plain(world, "Lunch")
        world.settle()
        assert world.kinds() == [("created", "Lunch")]
        world.patch(made, summary="Dinner")
        world.settle()

        assert world.kinds() == [("created", "Lunch"), ("updated", "Dinner")]
        assert trigger.status is script.TriggerStatus.ACTIVE

    def test_what_the_built_in_handler_writes_is_no_news(self, world: ScriptWorld) -> None:
        """The join link in the event is ours; a trigger that asks for own writes hears of it."""
        world.connect()
        world.follow()
        world.insert()
        world.settle()
        assert world.kinds() == [("created", "Planning")]

        with world.scripting():
            script.new_trigger("changed").for_user_calendar("primary").on_event_updated().own_writes().create()
        world.settle()
        world.told.clear()
        world.insert(summary="Second")
        world.settle()
        assert sorted(one.ours for one in world.changes()) == [False, False, True]

    def test_filters_are_kept_at_the_source(self, world: ScriptWorld) -> None:
        """Only conferences of ours, only these fields: nobody is called for the rest."""
        world.follow(solutions=["http"], fields=["start", "conferenceData"])
        plain(world, "No conference")
        event = world.insert(summary="Ours")["id"]
        world.settle()
        world.patch(event, summary="Ours, renamed")
        world.settle()
        assert world.kinds() == [("created", "Ours")]
        world.patch(event, conferenceData=None)
        world.settle()
        world.cancel(event)
        world.settle()

        assert [one.kind for one in world.changes()] == ["created", "updated"]


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


class Ear:
    """An owner who listens."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str, list[str]]] = []

    def tell(self, user: str, subject: str, lines: Sequence[str]) -> None:
        """Keep it."""
        self.heard.append((user, subject, list(lines)))


def test_failures_are_told_to_the_owner_once_a_day(world: ScriptWorld) -> None:
    """Handler, cause and how often; nothing on a day without failures, no title ever."""
    ear = Ear()
    world.change_project(owner=ear)
    summarise_due(world.project)
    world.follow()
    world.fails = _raising
    plain(world, "Bad")
    world.settle(timedelta(seconds=3))
    summarise_due(world.project)
    assert ear.heard == []
    world.fails = lambda _: None
    world.clock.advance(timedelta(days=1))
    summarise_due(world.project)
    summarise_due(world.project)
    world.clock.advance(timedelta(days=1, minutes=1))
    summarise_due(world.project)

    ((user, subject, lines),) = ear.heard
    assert (user, subject) == (ALICE, "Summary of failures for notes")
    assert len(lines) == 1
    assert lines[0].startswith("1 x changed (calendar): ValueError, test_script_triggers.py line ")


def test_hooks_are_told_of_a_days_failures(world: ScriptWorld) -> None:
    """Once a day and as each user with failures, whether there is an owner to tell or not; a hook may fail."""
    heard: list[tuple[str, script.Summary]] = []

    @world.handlers.on_summary
    def broken(_: script.Summary) -> None:
        raise RuntimeError

    @world.handlers.on_summary
    @world.handlers.on_summary
    def hear(summary: script.Summary) -> None:
        heard.append((script.current_user(), summary))

    summarise_due(world.project)
    began = world.clock.now()
    for user in (ALICE, BOB):
        world.follow(user=user)
    world.follow(user=BOB)
    world.fails = _raising
    for user in (ALICE, BOB):
        plain(world, "Bad", by=user)
    world.settle(timedelta(seconds=3))
    world.fails = lambda _: None
    world.clock.set(began + timedelta(days=1))
    assert (summarise_due(world.project), summarise_due(world.project)) == (2, 0)

    assert sorted((who, one.user) for who, one in heard) == [(ALICE, ALICE), (BOB, BOB)]
    times = {who: (failed.times, failed.handler, failed.source) for who, one in heard for failed in one.failures}
    assert times == {ALICE: (1, "changed", "calendar"), BOB: (2, "changed", "calendar")}
    assert {(one.since, one.until) for _, one in heard} == {(began, began + timedelta(days=1))}
    assert all("Bad" not in line for _, one in heard for line in one.lines)


# ---- beside the conferences -----------------------------------------------------------------


class Overtaken:
    """A store in which something else happens just before the first commit."""

    def __init__(self, store: Any, meanwhile: Callable[[], object]) -> None:
        self._store, self._meanwhile = store, [meanwhile]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def commit(self, *writes: Any) -> Any:
        """As the port says, but not at once."""
        while self._meanwhile:
            self._meanwhile.pop()()
        return self._store.commit(*writes)


def test_who_connects_while_a_trigger_begins_to_follow_is_connected(world: ScriptWorld) -> None:
    """Both find no feed, and the trigger is quicker: conferences follow all the same."""
    world.change_ground(store=Overtaken(world.ground.store, world.follow))
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
