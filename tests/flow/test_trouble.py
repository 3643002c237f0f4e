"""Trouble of every kind: refusals, withdrawn consent, retries that end, shared meetings, overtaken workers."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from functions import channel, dead, ledger, reconcile, sync
from functions import feed as feeds
from functions.ground import Policy
from functions.initialise import initialise
from functions.ports import Page
from tests.crashing import Crash
from tests.instead import Instead
from tests.world import ALICE, World, asked

# ---- the provider -----------------------------------------------------------------------------


@pytest.mark.usefixtures("feed")
def test_a_refused_meeting_is_parked_with_the_reason_until_the_event_changes(world: World) -> None:
    """A provider that says never is not asked again and again; the next change of the event is a new try."""
    world.vendor_control("faults", method="POST", path="^/meetings", times=1, status=400, code="too_long")
    made = world.insert()
    world.settle()
    (row,) = world.rows()
    parked, calls = row.parked, world.calls()
    world.settle(timedelta(hours=2))
    quiet = world.calls()
    world.patch(made["id"], summary="Shorter")
    world.settle()

    assert parked
    assert (calls["POST meetings"], quiet["POST meetings"]) == (1, 0)
    assert [meeting["title"] for meeting in world.meetings()] == ["Shorter"]
    assert world.rows()[0].parked is None


@pytest.mark.usefixtures("feed")
def test_a_withdrawn_credential_keeps_the_mark(world: World) -> None:
    """While the provider's token is refused the event waits; when a person has mended it, all is made good."""
    world.vendor_control("faults", method="POST", path="^/meetings", times=3, status=401)
    world.insert()
    world.settle(timedelta(minutes=30))
    (row,) = world.rows()
    world.settle(timedelta(hours=4))

    assert row.pending
    assert row.trouble
    assert len(world.meetings()) == 1


@pytest.mark.usefixtures("feed")
def test_retries_go_on_for_three_days_and_then_the_event_is_dead(world: World) -> None:
    """A provider that is down for longer leaves a note with the cause; the retries were few."""
    world.vendor_control("faults", method="POST", path="^/meetings", times=100_000, status=503)
    world.insert()
    world.settle(timedelta(days=2, hours=23))
    alive = world.rows()[0].pending
    world.settle(timedelta(hours=4))
    (row,) = world.rows()

    assert alive
    assert row.parked
    assert [note.data["event"] for note in dead.newest(world.ground)] == [row.event]
    assert world.calls()["POST meetings"] < 120


# ---- the calendar -----------------------------------------------------------------------------


def test_withdrawn_consent_stops_the_feed_until_it_is_connected_again(world: World, feed: str) -> None:
    """Nothing is deleted, nothing is asked; connecting again follows what changed meanwhile."""
    made = world.insert()
    world.settle()
    world.google_control("faults", method="GET", path="/events$", times=1, status=401, reason="authError")
    world.patch(made["id"], summary="Meanwhile")
    world.settle()
    stopped = world.feed(feed).trouble
    world.calls()
    world.clock.advance(timedelta(hours=2))
    world.tick()
    world.settle()
    quiet = world.calls()
    initialise(world.ground, ALICE, "primary")
    world.tick()
    world.settle()

    assert stopped
    assert quiet["GET events"] == 0
    assert [meeting["title"] for meeting in world.meetings()] == ["Meanwhile"]
    assert world.feed(feed).trouble is None


def test_a_calendar_that_cannot_be_watched_is_polled(world: World) -> None:
    """Holidays and the like take no channel; their changes come with the next poll."""
    world.google_control(
        "calendars", id="rooms@example.com", owner=ALICE, timeZone="Europe/Zurich", pushNotSupported=True
    )
    feed = world.connect("rooms@example.com")
    world.insert("rooms@example.com")
    world.settle()
    before = len(world.meetings())
    world.clock.advance(timedelta(minutes=16))
    world.tick()
    world.settle()

    assert not world.feed(feed).push
    assert (before, len(world.meetings())) == (0, 1)


def test_a_watch_that_fails_is_tried_again(world: World) -> None:
    """Connecting works without a channel at first; the tick opens one, and no record of the failed one stays."""
    world.google_control("faults", method="POST", path="/watch$", times=1, status=503)
    feed = world.connect()
    without = world.feed(feed).channel
    world.clock.advance(timedelta(minutes=16))
    world.tick()
    world.settle()
    world.clock.advance(timedelta(minutes=11))
    world.tick()

    now = world.feed(feed).channel
    assert without is None
    assert now is not None
    assert [document.key for document in world.store.query(channel.COLLECTION)] == [f"channels/{now}"]


@pytest.mark.parametrize("after_apply", [False, True])
def test_a_patch_without_an_answer_is_looked_at_before_it_is_repeated(world: World, after_apply: bool) -> None:
    """Whether the lost answer was to a write that was done or not, the event ends with its join link."""
    world.connect()
    world.google_control("faults", method="PATCH", path="/events/", times=1, status=503, after_apply=after_apply)
    made = world.insert()
    world.settle()

    (meeting,) = world.meetings()
    assert world.event(made["id"])["conferenceData"]["conferenceId"] == meeting["id"]
    assert world.calls()["PATCH event"] == (1 if after_apply else 2)


@pytest.mark.usefixtures("feed")
def test_pages_and_a_token_dropped_in_the_middle_of_them(world: World) -> None:
    """Five hundred changes over many pages, with 410 on the second: every meeting is right."""
    for number in range(250):
        world.insert(summary=f"Event {number:03d}", id=f"event{number:05d}")
    world.google_control("knobs", pageLimit=60)
    world.google_control(
        "faults", method="GET", path="/events$", times=1, status=410, reason="fullSyncRequired", skip=1
    )
    world.settle(timedelta(hours=1))

    assert [meeting["title"] for meeting in world.meetings()] == [f"Event {number:03d}" for number in range(250)]


@pytest.mark.usefixtures("feed")
def test_an_exception_that_comes_without_its_series_waits_for_it(world: World) -> None:
    """Only the changed occurrence is listed; the series is read before anything is decided."""
    made = world.insert(recurrence=["RRULE:FREQ=WEEKLY;COUNT=6"])
    world.settle()
    (document,) = world.store.query(ledger.COLLECTION)
    world.forget(document)
    world.patch(f"{made['id']}_20261201T090000Z", summary="Only this one")
    world.settle()

    (meeting,) = world.meetings()
    assert meeting["title"] == "Planning"
    assert [one["title"] for one in meeting["exceptions"]] == ["Only this one"]


@pytest.mark.usefixtures("feed")
def test_an_imported_event_whose_id_looks_like_an_occurrence_is_deleted_too(world: World) -> None:
    """The bare tombstone of "party_20240101" is that event's, not one of a series "party"."""
    made = {**world.insert(), "id": "party_20240101", "iCalUID": "party@elsewhere.example"}
    world.settle()
    world.google_control("events", calendarId=ALICE, event=made)
    world.insert(summary="Notice", conferenceData=None)
    world.settle()
    two = len(world.rows())
    world.google_control("events", calendarId=ALICE, event={"id": "party_20240101", "status": "cancelled"})
    world.insert(summary="Another notice", conferenceData=None)
    world.settle()

    assert two == 2
    assert [row.event for row in world.rows() if row.link] == [
        row.event for row in world.rows() if "_" not in row.event
    ]


# ---- shared meetings --------------------------------------------------------------------------


@pytest.mark.usefixtures("feed")
def test_a_copied_event_shares_the_meeting_which_dies_with_the_last(world: World) -> None:
    """Two events name one meeting: the first leads; when it goes, the other takes over; then the meeting goes."""
    first = world.insert(summary="Original")
    world.settle()
    (meeting,) = world.meetings()
    copied = {**asked(), "conferenceId": meeting["id"]}
    second = world.insert(summary="Copy", conferenceData=copied)
    world.settle()
    shared = [(one["id"], one["title"]) for one in world.meetings()]
    world.cancel(first["id"])
    world.settle()
    handed_over = [(one["id"], one["title"]) for one in world.meetings()]
    world.cancel(second["id"])
    world.settle()

    assert shared == [(meeting["id"], "Original")]
    assert handed_over == [(meeting["id"], "Copy")]
    assert world.meetings() == []


@pytest.mark.usefixtures("feed")
def test_both_copies_cancelled_at_once_leave_nothing(world: World) -> None:
    """Two events that let go of one meeting in the same run delete it all the same."""
    first = world.insert(summary="Original")
    world.settle()
    (meeting,) = world.meetings()
    second = world.insert(summary="Copy", conferenceData={**asked(), "conferenceId": meeting["id"]})
    world.settle()
    world.cancel(first["id"])
    world.cancel(second["id"])
    world.settle()

    assert world.meetings() == []


@pytest.mark.usefixtures("feed")
def test_an_event_that_names_a_meeting_nobody_has_gets_one(world: World) -> None:
    """A copy of an event whose meeting is long gone asks for a conference all the same."""
    made = world.insert(conferenceData={**asked(), "conferenceId": "long-gone"})
    world.settle()

    (meeting,) = world.meetings()
    assert world.event(made["id"])["conferenceData"]["conferenceId"] == meeting["id"]


# ---- guards -----------------------------------------------------------------------------------


def test_losing_sight_of_most_events_at_once_stops_instead_of_deleting(world: World, feed: str) -> None:
    """After a dropped token all linked events are "not found": that is lost access, until somebody says otherwise."""
    for number in range(15):
        world.insert(summary=f"Event {number:02d}")
    world.settle()
    world.google_control("expire-tokens", calendarId=ALICE)
    world.google_control("faults", method="GET", path="/events/", times=15, status=404, reason="notFound")
    world.clock.advance(timedelta(days=3))
    world.tick()
    world.settle()
    stopped, meetings = world.feed(feed).trouble, len(world.meetings())
    initialise(world.ground, ALICE, "primary")
    world.tick()
    world.settle()

    assert "15 of 15" in (stopped or "")
    assert (meetings, len(world.meetings())) == (15, 15)
    assert world.feed(feed).trouble is None


def test_a_sweep_that_would_delete_too_much_stops(world: World) -> None:
    """Eleven spares and no links: somebody has lost the ledger, not the meetings."""
    for number in range(11):
        world.make_spare(number)
    sweep = dataclasses.replace(Policy(), spare_life=0.0)
    world.change_ground(policy=sweep)
    for _ in range(3):
        world.clock.advance(timedelta(minutes=31))
        world.tick()

    assert len(world.meetings()) == 11


# ---- workers ----------------------------------------------------------------------------------


@pytest.mark.usefixtures("feed")
def test_a_worker_that_was_overtaken_has_its_write_looked_at(world: World) -> None:
    """A slow worker's update reaches the provider after its successor's: the meeting is set right in the end."""
    made = world.insert()
    world.settle()
    world.patch(made["id"], summary="Old title")
    world.deliver()
    provider = Slow(world.provider, lambda: overtake(world, made["id"]))
    world.change_ground(providers={"http": provider})
    world.settle(timedelta(hours=1))

    assert world.meetings()[0]["title"] == "New title"
    assert not world.rows()[0].pending


def overtake(world: World, event: str) -> None:
    """The lease of the slow one ends; a successor sees a newer change and does its work."""
    world.change_ground(providers={"http": world.provider})
    world.clock.advance(timedelta(minutes=3))
    world.patch(event, summary="New title")
    world.settle(timedelta(seconds=30))


class Slow:
    """A provider whose first update goes out only after something else has happened."""

    def __init__(self, provider: Any, meanwhile: Callable[[], None]) -> None:
        self._provider, self._meanwhile = provider, [meanwhile]

    def update(self, *arguments: Any, **named: Any) -> Any:
        """Wait, then send what was decided before."""
        while self._meanwhile:
            self._meanwhile.pop()()
        named["base"] = None
        return self._provider.update(*arguments, **named)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._provider, name)


def test_what_does_not_fit_into_the_runs_time_becomes_tasks(world: World) -> None:
    """A run that is out of time leaves the rest to tasks of their own, and all is done in the end."""
    world.connect()
    world.change_ground(policy=dataclasses.replace(Policy(), inline=-1.0))
    for number in range(5):
        world.insert(summary=f"Event {number}")
    world.settle()

    assert len(world.meetings()) == 5
    assert not any(row.pending for row in world.rows())


def test_a_bug_in_one_event_does_not_hold_back_the_others(world: World) -> None:
    """What no error of ours explains is tried again apart, and the run goes on."""
    world.connect()

    class Stumbling:
        """Lanes in which the first call breaks."""

        def run(self, calls: Sequence[Callable[[], Any]]) -> list[Any]:
            world.change_ground(lanes=lanes)
            return [ValueError("a bug"), *[call() for call in calls[1:]]]

    lanes = world.ground.lanes
    world.change_ground(lanes=Stumbling())
    world.insert(summary="One")
    world.insert(summary="Two")
    world.settle()

    assert [meeting["title"] for meeting in world.meetings()] == ["One", "Two"]


def test_two_runs_at_once_do_the_work_once(world: World, feed: str) -> None:
    """While one run holds the lease another task for the feed leaves; what it was for is done nevertheless."""
    world.insert()
    world.deliver()
    number = world.feed(feed).dirty
    feeds.change(
        world.ground,
        feed,
        lambda it: msgspec.structs.replace(it, lease_until=world.ground.now() + 60, lease_number=number + 7),
    )
    world.settle(timedelta(minutes=5))

    assert len(world.meetings()) == 1
    assert not world.feed(feed).owed


@pytest.mark.usefixtures("feed")
def test_a_past_event_moved_as_the_token_is_dropped_keeps_its_meeting(world: World) -> None:
    """No full pass of its new calendar shows it: who would let go of the meeting has it looked at there."""
    world.google_control("calendars", id="team@example.com", owner=ALICE, timeZone="Europe/Zurich")
    team = world.connect("team@example.com")
    made = world.insert()
    world.settle()
    (meeting,) = world.meetings()
    world.clock.advance(timedelta(days=10))
    world.google_control("push", silent=True)
    world.move(made["id"], "team@example.com")
    world.google_control("expire-tokens", calendarId="team@example.com")
    for _ in range(3):
        world.clock.advance(timedelta(minutes=16))
        world.tick()
        world.settle()

    assert [one["id"] for one in world.meetings()] == [meeting["id"]]
    (heir,) = [row for row in world.rows() if row.feed == team]
    assert heir.link is not None
    assert heir.link.leads
    assert not any(row.pending or row.parked for row in world.rows())


def test_two_tasks_for_one_number_are_not_run_at_once(world: World, feed: str) -> None:
    """A task comes again only when its holder died; another one for the same notices waits behind the lease."""
    world.insert()
    world.deliver()
    number = world.feed(feed).dirty
    seen: list[float] = []

    def changes(*arguments: Any, **named: Any) -> Page:
        if not seen:
            seen.append(world.feed(feed).lease_until)
            sync.sync_calendar(world.ground, feed, number, "try")
            seen.append(world.feed(feed).lease_until)
            sync.sync_calendar(world.ground, feed, number)
            seen.append(world.feed(feed).fence)
        return calm.changes(*arguments, **named)

    calm = world.ground.calendar
    fence = world.feed(feed).fence
    world.change_ground(calendar=Instead(calm, changes=changes))
    sync.sync_calendar(world.ground, feed, number)
    world.settle()

    assert seen[0] == seen[1]
    assert seen[2] == fence + 2
    assert len(world.meetings()) == 1


def test_a_run_that_dies_after_it_covered_its_number_is_taken_over_at_once(world: World, feed: str) -> None:
    """It had gone on for notices that came meanwhile; its own task comes again, and nobody waits for its lease."""
    world.insert()
    world.deliver()
    number = world.feed(feed).dirty

    def changes(*arguments: Any, **named: Any) -> Page:
        asked_for = world.feed(feed)
        if asked_for.done == number:
            raise Crash
        if asked_for.dirty == number:
            feeds.raise_dirty(world.ground, feed)
        return calm.changes(*arguments, **named)

    calm = world.ground.calendar
    world.change_ground(calendar=Instead(calm, changes=changes))
    with pytest.raises(Crash):
        sync.sync_calendar(world.ground, feed, number)
    world.change_ground(calendar=calm)
    left = world.feed(feed)
    sync.sync_calendar(world.ground, feed, number)

    assert left.owed
    assert left.lease_until > world.ground.now()
    assert not world.feed(feed).owed


@pytest.mark.usefixtures("feed")
def test_working_on_what_is_done_does_nothing(world: World) -> None:
    """A task that comes twice finds nothing to do the second time."""
    world.insert()
    world.settle()
    (document,) = world.store.query(ledger.COLLECTION)
    world.calls()

    assert reconcile.work(world.ground, document) is reconcile.Outcome.SETTLED
    assert world.calls() == {}
