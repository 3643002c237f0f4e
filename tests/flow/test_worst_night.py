"""What must not be lost, overwritten or left behind when notices, tokens, answers and processes fail."""

from __future__ import annotations

from datetime import timedelta

import pytest

from conference.errors import Forged
from functions import channel, notification, runs
from functions.initialise import initialise
from tests.world import ALICE, World, lower


def test_a_burst_of_notices_is_one_run(world: World, feed: str) -> None:
    """A hundred notices within a second cost one write and one list."""
    made = world.insert()
    world.settle()
    world.calls()
    for number in range(100):
        world.patch(made["id"], summary=f"Draft {number}")
        world.deliver()
    before = world.feed(feed).dirty
    world.calls()
    world.settle()

    assert world.calls() == {"GET events": 1, "PUT meetings": 1}
    assert world.feed(feed).done == before
    assert world.meetings()[0]["title"] == "Draft 99"


def test_the_plain_case_costs_one_list_and_one_provider_call(world: World, feed: str) -> None:
    """A moved meeting: one events.list, one update, no events.get, no patch."""
    made = world.insert()
    world.settle()
    world.patch(made["id"], summary="Moved")
    world.calls()
    world.settle()

    assert world.calls() == {"GET events": 1, "PUT meetings": 1}
    assert world.feed(feed).trouble is None


def test_a_notice_during_a_run_is_not_lost(world: World, feed: str) -> None:
    """A change that comes after the run has listed makes the run begin anew before it ends."""
    made = world.insert()
    world.settle()
    world.patch(made["id"], summary="First")
    world.deliver()
    edits = iter(["Second"])

    class Meanwhile:
        """Lanes in whose shade a person edits the event."""

        def run(self, calls: object) -> list[object]:
            for title in edits:
                world.patch(made["id"], summary=title)
                world.deliver()
            return [call() for call in calls]  # type: ignore[attr-defined]  # any sequence of calls

    world.change_ground(lanes=Meanwhile())
    world.settle()

    assert world.meetings()[0]["title"] == "Second"
    assert not world.feed(feed).owed


@pytest.mark.usefixtures("feed")
def test_lost_notices_are_healed_by_the_next_poll(world: World) -> None:
    """With every notice lost, the poll finds what changed within its interval."""
    made = world.insert()
    world.settle()
    world.google_control("push", silent=True)
    world.patch(made["id"], summary="Unheard")
    world.settle()
    unheard = world.meetings()[0]["title"]
    world.clock.advance(timedelta(minutes=16))
    world.tick()
    world.settle()

    assert (unheard, world.meetings()[0]["title"]) == ("Planning", "Unheard")


def test_a_dropped_token_loses_and_doubles_nothing(world: World, feed: str) -> None:
    """After 410: a change is followed, an event made meanwhile gets its one meeting, a deletion is still seen."""
    kept, gone = world.insert(summary="Kept"), world.insert(summary="Gone")
    untouched = world.insert(summary="Untouched")
    world.settle()
    world.google_control("push", silent=True)
    world.patch(kept["id"], summary="Kept and renamed")
    world.cancel(gone["id"])
    world.insert(summary="New")
    world.google_control("expire-tokens", calendarId=ALICE)
    world.calls()
    world.clock.advance(timedelta(minutes=16))
    world.tick()
    world.settle()

    assert [meeting["title"] for meeting in world.meetings()] == ["Kept and renamed", "New", "Untouched"]
    assert world.event(untouched["id"])["status"] == "confirmed"
    assert world.feed(feed).token is not None


def test_an_event_moved_into_the_past_is_not_taken_for_deleted(world: World, feed: str) -> None:
    """A full pass shows only what ends in the future; absence is looked up before anything is deleted."""
    made = world.insert()
    world.settle()
    world.clock.advance(timedelta(days=5))
    world.google_control("expire-tokens", calendarId=ALICE)
    world.tick()
    world.settle()

    assert len(world.meetings()) == 1
    assert world.event(made["id"])["status"] == "confirmed"
    assert world.feed(feed).trouble is None


def test_a_token_that_is_dropped_again_and_again_does_not_loop(world: World, feed: str) -> None:
    """A calendar that always answers 410 costs one full pass in each cooldown."""
    world.google_control("expire-tokens", calendarId=ALICE, forever=True)
    world.calls()
    for _ in range(9):
        world.clock.advance(timedelta(minutes=1))
        world.insert(conferenceData=None)
        world.settle(timedelta(seconds=30))

    assert world.calls()["GET events"] <= 9 + 3
    assert "token" in (world.feed(feed).trouble or "")


@pytest.mark.usefixtures("feed")
def test_a_persons_edit_at_that_very_moment_survives(world: World) -> None:
    """The join link changes at the provider while somebody renames the event: 412, and both changes stand."""
    made = world.insert()
    world.settle()
    (meeting,) = world.meetings()
    world.vendor_control(f"meetings/{meeting['id']}", rotate_join_url=True)
    world.deliver()
    world.run_due(until="patch_event")
    world.patch(made["id"], summary="Renamed by hand")
    world.settle()

    (after,) = world.meetings()
    event = world.event(made["id"])
    assert after["join_url"] != meeting["join_url"]
    assert event["conferenceData"]["entryPoints"][0]["uri"] == after["join_url"]
    assert (event["summary"], after["title"]) == ("Renamed by hand", "Renamed by hand")
    assert 412 in [entry["status"] for entry in world.google_control("requests")["requests"]]


@pytest.mark.usefixtures("feed")
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_failing_provider_ends_with_one_right_meeting(world: World, method: str) -> None:
    """Answers 429, then 500, then times out after having done the work: one meeting, right in the end."""
    made = world.insert(summary="First") if method == "PUT" else None
    world.settle()
    for fault in ({"status": 429, "retry_after": 2}, {"status": 500}, {"status": 504, "after_apply": True}):
        world.vendor_control("faults", method=method, path="^/meetings", times=1, **fault)
    if made is None:
        world.insert(summary="Second")
    else:
        world.patch(made["id"], summary="Second")
    world.settle(timedelta(minutes=10))

    assert [meeting["title"] for meeting in world.meetings()] == ["Second"]
    assert [row.pending for row in world.rows()] == [False]


@pytest.mark.usefixtures("feed")
def test_a_meeting_edited_by_hand_at_the_provider_is_set_right(world: World) -> None:
    """The calendar decides the title; a person who changes it at the provider is told so by its coming back."""
    world.insert()
    world.settle()
    (meeting,) = world.meetings()
    world.vendor_control(f"meetings/{meeting['id']}", title="Changed there")
    world.settle()

    assert world.meetings()[0]["title"] == "Planning"


@pytest.mark.usefixtures("feed")
def test_a_meeting_deleted_at_the_provider_is_made_anew(world: World) -> None:
    """Believed only when it is still gone a minute later; then a new meeting, whose join link the event gets."""
    made = world.insert()
    world.settle()
    (meeting,) = world.meetings()
    world.vendor_control(f"meetings/{meeting['id']}", delete=True)
    world.settle(timedelta(seconds=20))
    early = len(world.meetings())
    world.settle()

    (after,) = world.meetings()
    assert early == 0
    assert after["id"] != meeting["id"]
    assert world.event(made["id"])["conferenceData"]["conferenceId"] == after["id"]


@pytest.mark.usefixtures("feed")
def test_one_bad_event_holds_nothing_back(world: World) -> None:
    """An event whose rule cannot be read is parked with its cause; the others of the same run are followed."""
    bad = world.insert(summary="Bad", recurrence=["RRULE:FREQ=WEEKLY;COUNT=3"])
    good = world.insert(summary="Good")
    world.settle()
    worse = {**world.event(bad["id"]), "recurrence": ["RRULE:FREQ=NEVER"]}
    world.google_control("events", calendarId=ALICE, event=worse)
    world.patch(good["id"], summary="Better")
    world.settle()

    parked = [row.parked for row in world.rows() if row.event == bad["id"]]
    assert "Better" in [meeting["title"] for meeting in world.meetings()]
    assert parked[0]
    assert "Bad" not in parked[0]


def test_a_forged_notice_changes_nothing(world: World, feed: str) -> None:
    """Unknown channel, wrong secret, wrong resource, expired channel: refused alike, nothing enqueued."""
    right = lower(world.heard[-1]) | {"x-goog-resource-state": "exists"}
    wrong = [
        {**right, "x-goog-channel-id": "nobody"},
        {**right, "x-goog-channel-id": "../feeds/x"},
        {**right, "x-goog-channel-token": "guess"},
        {**right, "x-goog-resource-id": "other"},
        {},
    ]
    refusals = set()
    for headers in wrong:
        with pytest.raises(Forged) as refused:
            notification.calendar_notification(world.ground, headers)
        refusals.add(str(refused.value))
    before = world.feed(feed)
    notification.calendar_notification(world.ground, right)

    assert len(refusals) == 1
    assert before.dirty + 1 == world.feed(feed).dirty


def test_a_channel_is_renewed_before_it_expires(world: World, feed: str) -> None:
    """The new channel is open before the old one is closed, and a change right after is heard."""
    made = world.insert()
    world.settle()
    first = world.feed(feed).channel
    world.clock.advance(timedelta(hours=24, minutes=1))
    world.google_control("requests?clear=1")
    world.tick()
    calls = [entry["path"] for entry in world.google_control("requests")["requests"]]
    world.settle()
    world.patch(made["id"], summary="Heard")
    world.settle()

    second = world.feed(feed).channel
    assert first != second
    assert [path.rsplit("/", 1)[1] for path in calls if "watch" in path or "stop" in path] == ["watch", "stop"]
    assert [document.key for document in world.store.query(channel.COLLECTION)] == [f"channels/{second}"]
    assert world.meetings()[0]["title"] == "Heard"


def test_connecting_twice_changes_nothing(world: World, feed: str) -> None:
    """The second time costs one look at the calendar's name: no second channel, no second feed, no run."""
    world.calls()
    again = initialise(world.ground, ALICE, ALICE)
    world.settle()

    assert again == feed
    assert sum(world.calls().values()) == 1
    assert len(world.store.query(channel.COLLECTION)) == 1


def test_the_first_pass_is_a_baseline(world: World) -> None:
    """Events that were there before cause nothing; later changes of theirs are followed."""
    meeting_id = world.make_meeting_elsewhere("Old")
    made = world.insert(summary="Old", conferenceData=world.conference_with(meeting_id))
    world.settle()
    world.calls()
    world.connect()
    calls = world.calls()
    world.patch(made["id"], summary="Old but renamed")
    world.settle()
    titles = [meeting["title"] for meeting in world.meetings()]
    world.cancel(made["id"])
    world.settle()

    assert not any("meetings" in call for call in calls)
    assert titles == ["Old but renamed"]
    assert world.meetings() == []


def test_an_event_moved_to_another_calendar_keeps_its_meeting(world: World) -> None:
    """The tombstone in one calendar is not a deletion: the same event lives in the other."""
    world.google_control("calendars", id="team@example.com", owner=ALICE, timeZone="Europe/Zurich")
    world.connect()
    world.connect("team@example.com")
    made = world.insert()
    world.settle()
    (meeting,) = world.meetings()
    world.move(made["id"], "team@example.com")
    world.settle(timedelta(minutes=20))

    assert [one["id"] for one in world.meetings()] == [meeting["id"]]
    assert [row.calendar for row in world.rows() if row.link] == ["team@example.com"]


def test_the_sweep_deletes_a_spare_and_finds_what_is_missing(world: World, feed: str) -> None:
    """A meeting of ours that no event holds dies within a sweep; one that vanished unheard is made anew."""
    world.insert()
    world.settle()
    (meeting,) = world.meetings()
    spare = world.make_spare()
    stranger = world.make_meeting_elsewhere("Not made by us")
    world.vendor_control("webhooks", silent=True)
    world.vendor_control(f"meetings/{meeting['id']}", delete=True)
    for _ in range(5):
        world.clock.advance(timedelta(minutes=31))
        world.tick()
        world.settle()

    there = [one["id"] for one in world.meetings()]
    assert spare not in there
    assert stranger in there
    assert len(there) == 2
    assert world.feed(feed).trouble is None
    assert runs.newest(world.ground)
