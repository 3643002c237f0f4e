"""What a handler is told: each change that a person makes, once, and nothing of what we did ourselves."""

from __future__ import annotations

from datetime import timedelta

from functions import ledger, script
from functions.ports import Put
from tests.flow.scripted import ScriptWorld, plain
from tests.world import ALICE


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

    def test_a_patch_of_what_a_person_has_just_cancelled(self, world: ScriptWorld) -> None:
        """The cancelling is theirs, and told, though the answer to the patch shows it."""
        world.follow()

        def patch(event: script.EventUpdated) -> None:
            for one in event.changes:
                if one.kind != "cancelled":
                    world.cancel(one.id)
                    script.Calendar.events.patch({"location": "Room 1"}, event.calendar_id, one.id)

        world.fails = patch
        plain(world, "Lunch")
        world.settle()

        assert world.kinds() == [("created", "Lunch"), ("cancelled", "Lunch")]

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

    def test_another_conference_is_news_though_we_wrote_last(self, world: ScriptWorld) -> None:
        """A person asked for another one, and its join link came before any list did."""
        world.connect()
        world.follow()
        made = world.insert()
        world.settle()
        world.told.clear()
        world.google_control("push", silent=True)
        data = world.event(made["id"])["conferenceData"]
        solution = {**data["conferenceSolution"], "name": "Another"}
        after = world.patch(made["id"], conferenceData={**data, "conferenceSolution": solution})
        (row,) = world.store.query(ledger.COLLECTION)
        world.store.commit(Put(row.key, {**row.data, "wrote": after["etag"]}, row.version))
        world.clock.advance(timedelta(days=1))
        world.tick()
        world.settle()

        assert [one.fields for one in world.changes()] == [{"conferenceData"}]

    def test_an_event_cancelled_before_the_first_look_is_told(self, world: ScriptWorld) -> None:
        """It stood there when the trigger was made."""
        made = plain(world, "Old")
        world.clock.advance(timedelta(minutes=1))
        world.connect()
        world.settle()
        with world.scripting():
            script.new_trigger("changed").for_user_calendar("primary").on_event_updated().create()
        world.cancel(made)
        world.google_control("expire-tokens", calendarId=ALICE)
        world.settle()

        assert [(str(one.kind), one.id) for one in world.changes()] == [("cancelled", made)]

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
