"""What must hold for a script's handler whatever people, calendars and clocks do (acceptance scenarios S1 to S23)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from functions import script
from functions.ports import Task
from functions.script import handing
from infra.script import completed
from tests.flow.scripted import ScriptWorld, plain
from tests.world import ALICE

BOB = "bob@example.com"
TEAM = "team@example.com"
WEEKLY = ["RRULE:FREQ=WEEKLY;COUNT=6"]


def minutes(world: ScriptWorld, count: int) -> None:
    """Time goes by."""
    for _ in range(count):
        world.clock.advance(timedelta(minutes=1))
        world.tick()
        world.settle(timedelta(seconds=30))


def test_s1_following_twice_is_one_feed(world: ScriptWorld) -> None:
    """One trigger by `ensure`, one feed, a token."""
    with world.scripting():
        for _ in range(2):
            script.new_trigger("changed").for_user_calendar("primary").on_event_updated().ensure()
    world.settle()

    assert len(world.triggers()) == 1
    (feed,) = world.store.query("feeds")
    assert feed.data["token"]
    assert len(world.store.query("channels")) == 1


def test_s5_a_tombstone_of_an_unknown_event(world: ScriptWorld) -> None:
    """It is told as cancelled, with nothing before; once."""
    world.follow()
    world.google_control("push", silent=True)
    event = plain(world, "Brief")
    world.cancel(event)
    minutes(world, 16)

    (change,) = world.changes()
    assert (change.kind, change.id, change.before) == ("cancelled", event, None)


@pytest.mark.parametrize(
    "odd", [{"id": "pendingone", "conferenceData": {"createRequest": {"requestId": "1"}}}, {"id": "bareone1"}]
)
def test_s6_odd_events_hold_nothing_back(world: ScriptWorld, odd: dict[str, object]) -> None:
    """A conference that is still pending, an event with no field but id and status: told as they are."""
    world.follow()
    plain(world, "Good")
    world.google_control("events", calendarId=ALICE, event={"status": "confirmed", **odd})
    plain(world, "Fine")
    minutes(world, 16)

    assert {"Good", "Fine"} <= {str(one.event.get("summary")) for one in world.changes()}
    assert odd["id"] in {one.id for one in world.changes()}


def test_s8_tokens_that_never_last_cost_one_full_pass(world: ScriptWorld) -> None:
    """A second drop within the cooldown backs off, and what changed is told all the same."""
    world.follow()
    event = plain(world, "Lunch")
    world.settle()
    world.told.clear()
    world.calls()
    for name in ("Once", "Twice"):
        world.google_control("expire-tokens", calendarId=ALICE)
        world.patch(event, summary=name)
        world.settle(timedelta(minutes=1))
    assert world.kinds() == [("updated", "Once")]
    minutes(world, 15)

    assert world.kinds() == [("updated", "Once"), ("updated", "Twice")]


def test_s10_two_calendars_of_one_user(world: ScriptWorld) -> None:
    """Each has its token, and its handler its own calendar's changes."""
    world.google_control("calendars", id=TEAM, owner=ALICE, timeZone="Europe/Zurich")
    mine, theirs = world.follow(), world.follow(calendar=TEAM)
    plain(world, "Mine")
    plain(world, "Team's", TEAM)
    world.settle()

    told = {
        event.trigger_uid: (event.calendar_id, [one.event["summary"] for one in event.changes])
        for _, event in world.told
    }
    assert told == {mine.unique_id: (ALICE, ["Mine"]), theirs.unique_id: (TEAM, ["Team's"])}


def test_s12_a_notice_during_a_run_of_the_handler(world: ScriptWorld) -> None:
    """What comes while the handler runs is told in another run, and no two runs overlap."""
    world.follow()
    running: list[int] = []
    depth: list[int] = []

    def nested(_: object) -> None:
        depth.append(1)
        running.append(len(depth))
        if len(running) == 1:
            # While this run goes on, another worker comes for the same trigger.
            plain(world, "Second")
            world.settle(timedelta(seconds=5))
        depth.pop()

    world.fails = nested
    plain(world, "First")
    world.settle()

    assert [title for _, title in world.kinds()] == ["First", "Second"]
    assert running == [1, 1]


def test_what_comes_to_an_event_while_it_is_handled_stays_pending(world: ScriptWorld) -> None:
    """The second run is told of the difference to what the first one accepted."""
    world.follow()
    event = plain(world, "First")

    def meanwhile(_: object) -> None:
        if len(world.told) == 1:
            world.patch(event, summary="Second")
            world.settle(timedelta(seconds=5))

    world.fails = meanwhile
    world.settle()

    first, second = world.changes()
    assert [str(first.kind), str(second.kind), set(second.fields)] == ["created", "updated", {"summary"}]
    assert second.before is not None
    assert second.before["summary"] == "First"


@pytest.mark.parametrize("how", ["filtered", "own write"])
def test_a_change_is_tried_again_with_the_event_as_it_stands(world: ScriptWorld, how: str) -> None:
    """What happened meanwhile may be no news to the trigger, but it is another version to write upon."""

    def stale(_: object) -> None:
        if len(world.told) == 1:
            if how == "filtered":
                world.patch(event, location="Room 5")
            else:
                script.Calendar.events.patch({"location": "Room 5"}, ALICE, event)
            raise RuntimeError("the first attempt")

    world.follow(fields=("summary",))
    event = plain(world, "Lunch")
    world.settle()
    world.told.clear()
    world.fails = stale
    world.patch(event, summary="Dinner")
    minutes(world, 2)

    last = world.told[-1][1]
    (change,) = last.changes
    assert change.event["etag"] == world.event(event)["etag"]
    assert (change.event["location"], last.attempt > 1) == ("Room 5", True)
    assert change.before is not None
    assert change.before["summary"] == "Lunch"
    assert world.store.query("deliveries") == []


def test_s15_occurrences_are_events_of_their_own(world: ScriptWorld) -> None:
    """One moved and one cancelled: the series itself is not touched."""
    world.follow()
    event = plain(world, "Weekly", recurrence=WEEKLY)
    world.settle()
    world.told.clear()
    start, end = ({"dateTime": f"2026-12-02T{hour}:00:00+01:00"} for hour in (15, 16))
    world.patch(f"{event}_20261201T090000Z", start=start, end=end)
    world.cancel(f"{event}_20261208T090000Z")
    world.settle()

    assert event not in {one.id for one in world.changes() if one.kind == "cancelled"}
    assert {one.id for one in world.changes()} >= {f"{event}_20261201T090000Z", f"{event}_20261208T090000Z"}


def test_s17_moved_to_another_followed_calendar(world: ScriptWorld) -> None:
    """Cancelled here and created there, with one iCalUID by which they are known as one."""
    world.google_control("calendars", id=TEAM, owner=ALICE, timeZone="Europe/Zurich")
    world.follow()
    world.follow(calendar=TEAM)
    event = plain(world, "Moving")
    world.settle()
    world.told.clear()
    world.act("POST", "primary", f"{event}/move", body={}, destination=TEAM)
    world.settle()

    told = {event.calendar_id: event.changes[0] for _, event in world.told}
    assert told[ALICE].kind == "cancelled"
    before = told[ALICE].before
    assert before is not None
    assert before["iCalUID"] == told[TEAM].event["iCalUID"]


def test_s18_a_guests_copy(world: ScriptWorld) -> None:
    """A trigger for own copies hears nothing of an invitation, nor of its answer."""
    world.follow(user=BOB, own_copies=True)
    event = plain(world, "Invited", attendees=[{"email": BOB}])
    world.settle()
    world.patch(event, by=BOB, attendees=[{"email": BOB, "responseStatus": "declined"}])
    plain(world, "Bob's own", by=BOB)
    world.settle()

    assert world.kinds(BOB) == [("created", "Bob's own")]


def test_s23_another_handler_on_the_calendar(world: ScriptWorld) -> None:
    """Both are called, and what one fails at does not hold up the other."""
    heard: list[str] = []

    def other(event: script.EventUpdated) -> None:
        heard.extend(str(one.event["summary"]) for one in event.changes)
        raise ValueError

    world.handlers.handler("other")(other)
    world.follow()
    world.follow("other")
    plain(world, "Lunch")
    world.settle(timedelta(seconds=3))

    assert heard == ["Lunch"]
    assert world.kinds() == [("created", "Lunch")]


def test_a_restored_event_is_created_again(world: ScriptWorld) -> None:
    """Whoever let go of it when it was cancelled takes it up again."""
    world.follow()
    event = plain(world, "Lunch")
    world.settle()
    world.cancel(event)
    world.settle()
    world.patch(event, status="confirmed")
    world.settle()

    assert [one.kind for one in world.changes()] == ["created", "cancelled", "created"]
    assert world.changes()[-1].reason == "restored"


def test_a_trigger_made_inside_a_run_works(world: ScriptWorld) -> None:
    """Apps Script disables such; ours is like any other. One that deletes itself is not called again."""

    def replace(event: script.EventUpdated) -> None:
        if len(world.told) == 1:
            script.new_trigger("changed").for_user_calendar("primary").on_event_updated().create()
            script.delete_trigger(str(event.trigger_uid))

    world.fails = replace
    old = world.follow()
    plain(world, "First")
    world.settle()
    plain(world, "Second")
    world.settle()

    assert [event.trigger_uid == old.unique_id for _, event in world.told] == [True, False]
    assert world.store.query("deliveries") == []


def test_a_handler_of_no_parameter_and_an_async_one(world: ScriptWorld) -> None:
    """As in Apps Script a function may take nothing; an async one is run to its end."""
    heard: list[str] = []

    async def later(_: object) -> None:
        heard.append(script.current_user())

    world.handlers.handler("nothing")(lambda: heard.append("nothing"))
    world.handlers.handler("later")(later)
    world.change_project(complete=completed)
    world.follow("nothing")
    world.follow("later")
    plain(world, "Lunch")
    world.settle()

    assert sorted(heard) == [ALICE, "nothing"]


def test_a_task_for_another_scripts_trigger_does_nothing(world: ScriptWorld) -> None:
    """Two deployments on one ground keep apart."""
    trigger = world.follow()
    plain(world, "Lunch")
    world.run_due(until="run_trigger")
    world.change_project(id="another")
    handing.run_trigger(world.project, trigger.unique_id, "t")
    assert world.told == []
    world.change_project(id="notes")
    world.queue.add(Task("run_trigger", {"trigger": trigger.unique_id, "turn": "t"}))
    world.settle()

    assert world.kinds() == [("created", "Lunch")]


def test_a_busy_calendar_costs_one_list_a_burst(world: ScriptWorld) -> None:
    """Fifty changes of one burst are one list and one run of the handler."""
    world.follow()
    world.calls()
    for number in range(50):
        plain(world, f"Event {number}")
    counted = world.calls()
    world.settle()

    after = world.calls()
    assert counted["POST events"] == 50
    assert (after["GET events"], after["GET event"]) == (1, 0)
    assert [len(event.changes) for _, event in world.told] == [50]
